import assert from "node:assert/strict";
import { behindTheGateway } from "../lib/next.js";

behindTheGateway("another company", (promise) => {
  promise("is no page of mine: I end at my own", async (visitor) => {
    await visitor.signsIn("alice", "/acme/dashboard");
    const asked = await visitor.counting(async () => {
      await visitor.get("other-tenant").click();
      await visitor.get("dashboard-title").waitFor();
      await visitor.page.waitForLoadState();
    });
    assert.deepEqual(asked, { documents: ["/globex/dashboard", "/acme/dashboard"], redirects: 1 });
    await visitor.reads("dashboard-title", "acme");
    assert.equal(await visitor.get("wrong-tenant").count(), 0);
  });

  promise("is no data of mine: 403 for fetch, RSC and a server action", async (visitor) => {
    await visitor.signsIn("alice", "/acme/dashboard");
    for (const init of [{}, { headers: { RSC: "1" } }, { method: "POST", headers: { "Next-Action": "0".repeat(42) } }]) {
      const { status, redirected, json } = await visitor.fetches("/globex/dashboard", init);
      assert.deepEqual([status, redirected, json?.error.code], [403, false, "other_tenant"], JSON.stringify(init));
      assert.equal(json.error.home, "/acme/dashboard");
    }
  });
});
