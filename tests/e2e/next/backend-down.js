import assert from "node:assert/strict";
import { behindTheGateway } from "../lib/next.js";
import { until } from "../lib/process.js";

behindTheGateway("Django stopped", (promise, stack) => {
  promise("ends nobody's session: 503 until it is back, and then all is well", async (visitor) => {
    await visitor.signsIn("alice", "/acme/dashboard");
    const before = await visitor.cookie();
    await stack.stopDjango();
    try {
      const session = await until(async () => {
        const answer = await visitor.fetches("/api/auth/session-v2");
        return answer.status === 503 && answer;
      }, "the gateway's memory of the session is over", 10_000);
      assert.equal(session.json.error.code, "backend_unavailable");
      assert.ok(Number(session.headers["retry-after"]) > 0);

      const page = await visitor.page.goto("/acme/dashboard");
      assert.equal(page.status(), 503);
      assert.equal(visitor.at, "/acme/dashboard");
      await visitor.page.getByText("The session service does not answer.").waitFor();
      await visitor.picture("next backend down");

      for (const path of ["/", "/auth/signin"]) {
        assert.equal((await visitor.page.goto(path)).status(), 200, path);
        assert.equal(visitor.at, path);
      }
      await visitor.fillsIn("alice");
      await visitor.reads("signin-error", "Sign-in does not answer right now. Please try again in a moment. (5 s)");
      assert.deepEqual(await visitor.cookie(), before);
    } finally {
      await stack.startApplications();
    }
    await until(async () => (await visitor.fetches("/api/auth/session-v2")).status === 200, "the gateway asks again");
    assert.equal((await visitor.page.goto("/acme/dashboard")).status(), 200);
    await visitor.reads("dashboard-title", "acme");
    assert.equal((await visitor.cookie()).value, before.value);
  });
});
