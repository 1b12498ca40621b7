// The step before: a session beside the legacy cookies, so that the gateway can be taken away again.
import assert from "node:assert/strict";
import { carries, dual, enforce, fullJar, isLeftWith, names, oldSessionOf, SIGNED_IN } from "../lib/legacy.js";
import { behind } from "../lib/next.js";

behind("legacy cookies in dual", dual, (promise, site) => {
  /** Alice at her dashboard, with the largest jar. */
  async function here(visitor) {
    const old = await oldSessionOf(site, "alice");
    await carries(visitor, fullJar(old));
    const before = await names(visitor);
    const asked = await visitor.counting(() => visitor.page.goto("/acme/dashboard"));
    assert.deepEqual(asked, { documents: ["/acme/dashboard"], redirects: 0 });
    await visitor.reads("dashboard-title", "acme");
    assert.deepEqual(await names(visitor), [...before, "sid"].sort());
    return old;
  }

  promise("stay, and the application sees them as before", async (visitor) => {
    await here(visitor);
    const { cookies } = (await visitor.fetches("/api/whoami")).json;
    for (const name of ["dott_auth_session", "session_token", "onboardingCompleted", "theme"]) assert.ok(cookies.includes(name), name);
    assert.ok(!cookies.includes("sid"));
  });

  promise("sign in whoever goes back to the old application, and nobody is signed out", async (visitor) => {
    const old = await here(visitor);
    // Without the gateway: what the old application asks Django, of the cookies that this browser still has.
    const stored = (await visitor.context.cookies()).filter((one) => one.name === "session_token" && one.domain === site.host);
    assert.deepEqual(stored.map((one) => one.value), [old]);
    assert.equal(await site.django.whose(stored[0].value), "alice@acme.test");
    // And with it once more.
    await visitor.page.reload();
    await visitor.reads("dashboard-title", "acme");
    assert.equal(await site.django.whose((await visitor.cookie()).value), "alice@acme.test");
  });

  promise("are one device with the session that they became", async (visitor) => {
    await here(visitor);
    const { json } = await visitor.fetches("/api/auth/sessions");
    const { value } = await visitor.cookie();
    assert.equal(json.sessions.filter((one) => one.current).length, 1);
    await visitor.fetches("/api/auth/sessions?scope=others", { method: "DELETE" });
    assert.equal((await visitor.fetches("/api/auth/sessions")).json.sessions.length, 1);
    assert.equal(await site.django.whose(value), "alice@acme.test");
  });

  promise("end with a sign-out, the old session too", async (visitor) => {
    const old = await here(visitor);
    await visitor.get("signout").click();
    await visitor.arrives("/auth/signin");
    assert.equal(await site.django.whose(old), null, "also for the old application");
  });

  promise("are expired with the step to enforce, which signs nobody out", async (visitor) => {
    await here(visitor);
    const { value } = await visitor.cookie();
    await enforce.start();
    const asked = await visitor.counting(() => visitor.page.goto(`${enforce.url}/acme/dashboard`));
    assert.equal(asked.redirects, 0);
    await visitor.reads("dashboard-title", "acme");
    await isLeftWith(visitor, SIGNED_IN);
    assert.equal((await visitor.cookie()).value, value);
  });
});
