// At most two sessions for a user, and a third browser.
import assert from "node:assert/strict";
import { behindAnotherGateway } from "../lib/next.js";
import { until } from "../lib/process.js";

const limited = (policy) => ({
  configuration: `limit-${policy.replace("_", "-")}`,
  django: { DEMO_SESSION_LIMIT: "2", DEMO_SESSION_LIMIT_POLICY: policy },
});

behindAnotherGateway("two sessions, the oldest goes", limited("evict_oldest"), (promise) => {
  promise("at the third sign-in, and its browser is told why", async (visitor) => {
    const [second, third] = [await visitor.elsewhere(), await visitor.elsewhere()];
    for (const one of [visitor, second, third]) await one.signsIn("alice", "/acme/dashboard");
    // As long as the gateway remembers an answer ([session] ttl), at most.
    await until(async () => (await visitor.fetches("/api/whoami")).status === 401, "the first one is out", 10_000);
    await visitor.page.reload();
    await visitor.arrives("/auth/signin");
    assert.match(visitor.at, /reason=session_limit/);
    await visitor.get("signin-error").or(visitor.page.getByRole("alert")).first().waitFor();
    await visitor.picture("sessions evicted");
    assert.equal(await visitor.cookie(), undefined);
    for (const one of [second, third]) {
      await one.page.reload();
      await one.reads("dashboard-title", "acme");
    }
  });
});

behindAnotherGateway("two sessions, and no third", limited("deny"), (promise) => {
  promise("until one of the two signs out", async (visitor) => {
    const [second, third] = [await visitor.elsewhere(), await visitor.elsewhere()];
    for (const one of [visitor, second]) await one.signsIn("alice", "/acme/dashboard");
    await third.page.goto("/auth/signin");
    await third.fillsIn("alice");
    await third.page.getByText("too many sessions").waitFor();
    await third.picture("sessions denied");
    assert.equal(await third.cookie(), undefined);
    const answer = await third.fetches("/api/auth/session-v2", {
      method: "POST", headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ email: "alice@acme.test", password: "correct horse" }),
    });
    assert.deepEqual([answer.status, answer.json.error.code], [409, "session_limit"]);
    for (const one of [visitor, second]) {
      await one.page.reload();
      await one.reads("dashboard-title", "acme");
    }
    await second.get("signout").click();
    await second.arrives("/auth/signin");
    await third.signsIn("alice", "/acme/dashboard");
  });

  promise("without JavaScript it is said on the page as well", async (visitor) => {
    const [first, second] = [await visitor.elsewhere(), await visitor.elsewhere()];
    for (const one of [first, second]) await one.signsIn("bob", "/globex/dashboard");
    await visitor.page.goto("/auth/signin");
    await visitor.fillsIn("bob");
    await visitor.arrives("/auth/signin");
    await visitor.page.getByText("too many sessions").waitFor();
    assert.match(visitor.at, /error=session_limit/);
  }, { javaScriptEnabled: false });
});
