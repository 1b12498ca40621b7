import assert from "node:assert/strict";
import { behindTheGateway } from "../lib/next.js";

behindTheGateway("sign-in", (promise) => {
  promise("leads an anonymous visitor to sign-in, and back to the page that was wanted", async (visitor) => {
    const asked = await visitor.counting(() => visitor.page.goto("/acme/dashboard?from=mail"));
    assert.equal(visitor.at, "/auth/signin?next=/acme/dashboard%3Ffrom%3Dmail");
    assert.deepEqual(asked.redirects, 1);
    assert.doesNotMatch(await visitor.page.content(), /dashboard-title/);
    await visitor.picture("next sign-in");
    await visitor.fillsIn("alice");
    await visitor.arrives("/acme/dashboard");
    assert.equal(visitor.at, "/acme/dashboard?from=mail");
    await visitor.reads("dashboard-title", "acme");
    await visitor.reads("identity-tenant", "acme");
    await visitor.reads("identity-onboarding", "complete");
    await visitor.picture("next dashboard");
  });

  promise("leads everybody to the dashboard of their own company", async (visitor) => {
    await visitor.signsIn("bob", "/globex/dashboard");
    await visitor.reads("dashboard-title", "globex");
  });

  promise("says what is wrong and stays where it is", async (visitor) => {
    await visitor.page.goto("/auth/signin");
    await visitor.fillsIn("alice", { password: "wrong horse" });
    await visitor.page.getByText("That email address and password do not belong together.").waitFor();
    assert.equal(await visitor.cookie(), undefined);
  });

  promise("sends people home who are signed in already", async (visitor) => {
    await visitor.signsIn("alice", "/acme/dashboard");
    await visitor.page.goto("/auth/signin");
    assert.equal(visitor.at, "/acme/dashboard");
  });

  promise("sets one cookie: sid, 36 bytes, for this host, hidden from scripts", async (visitor) => {
    await visitor.signsIn("alice", "/acme/dashboard");
    const cookies = await visitor.context.cookies();
    assert.deepEqual(cookies.map((one) => one.name), ["sid"]);
    const [{ value, domain, path, httpOnly, secure, sameSite, expires }] = cookies;
    assert.match(value, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.equal(Buffer.byteLength(value), 36);
    assert.deepEqual({ domain, path, httpOnly, secure, sameSite }, {
      domain: "localhost", path: "/", httpOnly: true, secure: true, sameSite: "Lax",
    });
    assert.ok(expires > Date.now() / 1000, "it outlives the browser");
    assert.equal(await visitor.page.evaluate(() => document.cookie), "");
    // The application is told who it is, and never the cookie.
    const { json } = await visitor.fetches("/api/whoami");
    assert.deepEqual(json.cookies, []);
  });

  const without = { javaScriptEnabled: false };
  promise("works without JavaScript", async (visitor) => {
    await visitor.page.goto("/acme/dashboard/settings");
    assert.match(visitor.at, /^\/auth\/signin\?next=/);
    await visitor.fillsIn("alice", { password: "wrong horse" });
    await visitor.reads("signin-error", "That email address and password do not belong together.");
    assert.match(visitor.at, /^\/auth\/signin\?next=\/acme\/dashboard\/settings&error=/);
    await visitor.fillsIn("alice");
    await visitor.arrives("/acme/dashboard/settings");
    await visitor.reads("settings-title", "Settings");
  }, without);
});
