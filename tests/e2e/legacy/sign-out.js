// Signed out is signed out, whatever is left behind in a browser.
import assert from "node:assert/strict";
import { carries, dual, enforce, fullJar, LEFT, names, oldSessionOf } from "../lib/legacy.js";
import { behind } from "../lib/next.js";

for (const [mode, gateway] of Object.entries({ enforce, dual })) {
  behind(`a sign-out in ${mode}`, gateway, (promise, site) => {
    promise("takes the legacy cookies along, and none that comes back undoes it", async (visitor) => {
      const jar = fullJar(await oldSessionOf(site, "alice"));
      await carries(visitor, jar);
      await visitor.page.goto("/acme/dashboard");
      const { value } = await visitor.cookie();
      await visitor.get("signout").click();
      await visitor.arrives("/auth/signin");
      const left = await names(visitor);
      for (const name of ["sid", "session_token", "dott_auth_session", "onboardingCompleted"]) assert.ok(!left.includes(name), name);
      // In dual the largest jar does not fit into one answer with the rest; what is left of it proves nothing.
      if (mode === "enforce") assert.deepEqual(left, LEFT);
      assert.equal(await site.django.whose(value), null);
      // From a backup of the profile, or a scope that nobody thought of.
      await carries(visitor, jar);
      for (const path of ["/acme/dashboard", "/", "/api/auth/session-v2", "/acme/dashboard"]) {
        await visitor.page.goto(path);
        assert.equal(await visitor.cookie(), undefined, path);
      }
      await visitor.arrives("/auth/signin");
    });
  });
}

behind("a sign-out with a cookie that stays", enforce, (promise, site) => {
  promise("is one: Django's own session made a session once, and makes none again", async (visitor) => {
    const made = await site.django.manage("shell", "-c", `
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.sessions.backends.db import SessionStore
alice = get_user_model().objects.get(email="alice@acme.test")
store = SessionStore()
store[SESSION_KEY], store[HASH_SESSION_KEY] = str(alice.pk), alice.get_session_auth_hash()
store[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
store.save()
print("made", store.session_key)
`);
    await carries(visitor, [["sessionid", made.match(/^made (\w+)$/m)[1]]]);
    const asked = await visitor.counting(() => visitor.page.goto("/acme/dashboard"));
    assert.equal(asked.redirects, 0);
    await visitor.reads("dashboard-title", "acme");
    assert.deepEqual(await names(visitor), ["sessionid", "sid"]);
    await visitor.get("signout").click();
    await visitor.arrives("/auth/signin");
    await visitor.page.goto("/acme/dashboard");
    await visitor.arrives("/auth/signin");
    assert.deepEqual(await names(visitor), ["sessionid"]);
  });
});
