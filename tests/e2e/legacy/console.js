// Migration and repair on demand, as somebody at a console does it.
import assert from "node:assert/strict";
import { carries, enforce, fullJar, isLeftWith, LEFT, names, NOBODY, oldSessionOf, SHARED, SIGNED_IN } from "../lib/legacy.js";
import { behind } from "../lib/next.js";

/** What the first design tells people to run in the console, word for word. */
const CONSOLE = `
fetch('/api/auth/fix-session', { 
  method: 'POST',
  credentials: 'include' 
}).then(() => location.reload());
`;

behind("at the console", enforce, (promise, site) => {
  /** On a page, and only then with an old jar of alice's. */
  async function stuck(visitor, more = []) {
    await visitor.page.goto("/auth/signin");
    const old = await oldSessionOf(site, "alice");
    await carries(visitor, [...fullJar(old), ...more]);
    return old;
  }

  const twins = [["sid", NOBODY], ["sid", "session-v2-active", SHARED]];

  promise("migrate-session makes a session, and says so", async (visitor) => {
    const old = await stuck(visitor);
    const { status, json } = await visitor.fetches("/api/auth/migrate-session", { method: "POST" });
    assert.deepEqual([status, json.migrated, json.authenticated, json.user.email], [200, true, true, "alice@acme.test"]);
    assert.ok(!JSON.stringify(json).includes(old));
    assert.ok(!JSON.stringify(json).includes((await visitor.cookie()).value));
    await isLeftWith(visitor, SIGNED_IN);
    await visitor.page.goto("/acme/dashboard");
    await visitor.reads("dashboard-title", "acme");
  });

  promise("migrate-session has nothing to do for whoever has a session", async (visitor) => {
    await visitor.signsIn("alice", "/acme/dashboard");
    const { status, json } = await visitor.fetches("/api/auth/migrate-session", { method: "POST" });
    assert.deepEqual([status, json.migrated, json.authenticated], [200, false, true]);
  });

  promise("migrate-session without anything is told so", async (visitor) => {
    await visitor.page.goto("/auth/signin");
    const { json } = await visitor.fetches("/api/auth/migrate-session", { method: "POST" });
    assert.deepEqual([json.migrated, json.authenticated], [false, false]);
    assert.deepEqual(await names(visitor), []);
  });

  promise("fix-session gets out of it all, signed in where Django agrees", async (visitor) => {
    await stuck(visitor, twins);
    const loaded = visitor.page.waitForEvent("load");
    await visitor.page.evaluate(CONSOLE);
    await loaded;
    await visitor.arrives("/acme/dashboard");
    await visitor.reads("dashboard-title", "acme");
    await isLeftWith(visitor, SIGNED_IN);
  });

  promise("fix-session names what is gone and tells the truth", async (visitor) => {
    const old = await stuck(visitor, twins);
    await site.django.revoke(old);
    const { status, json } = await visitor.fetches("/api/auth/fix-session", { method: "POST" });
    assert.deepEqual([status, json.fixed, json.authenticated], [200, true, false]);
    for (const name of ["sid", "session_token", "dott_auth_session", "onboardingCompleted"]) {
      assert.ok(json.cleared.includes(name), `${name}: ${json.cleared}`);
    }
    await isLeftWith(visitor, LEFT);
  });

  promise("fix-session works with its one button and without JavaScript", async (visitor) => {
    const old = await oldSessionOf(site, "alice");
    await carries(visitor, [...fullJar(old), ...twins]);
    await visitor.page.goto("/api/auth/fix-session");
    await visitor.page.getByRole("button").click();
    await visitor.arrives("/acme/dashboard");
    await isLeftWith(visitor, SIGNED_IN);
  }, { javaScriptEnabled: false });
});
