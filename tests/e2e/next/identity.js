import assert from "node:assert/strict";
import { asks } from "../lib/browser.js";
import { behindTheGateway } from "../lib/next.js";

const LIE = { "X-Auth-User-Id": "1", "X-Auth-Status": "authenticated", "X-Auth-Tenant-Slug": "acme", "X-Auth-Onboarding": "complete" };

behindTheGateway("identity", (promise, stack) => {
  promise("cannot be claimed by an anonymous browser", async (visitor) => {
    await visitor.page.goto("/");
    await visitor.get("home-signin").waitFor();
    await visitor.page.goto("/acme/dashboard");
    assert.match(visitor.at, /^\/auth\/signin/);
    assert.equal((await visitor.fetches("/api/whoami", { headers: LIE })).status, 401);
  }, { extraHTTPHeaders: LIE });

  promise("cannot be changed by somebody who is signed in", async (visitor) => {
    await visitor.signsIn("bob", "/globex/dashboard");
    const honest = await visitor.fetches("/api/whoami");
    const lying = await visitor.fetches("/api/whoami", { headers: { ...LIE, "X-Auth-Roles": '"root"', "X-Tenant-ID": "1" } });
    for (const name of ["x-auth-user-id", "x-auth-tenant-slug", "x-auth-tenant-id", "x-tenant-id", "x-auth-roles"]) {
      assert.equal(lying.json.headers[name], honest.json.headers[name], name);
    }
    assert.equal(lying.json.headers["x-auth-tenant-slug"], "globex");
    assert.notEqual(lying.json.headers["x-auth-user-id"], "1");
  });

  promise("in another spelling is refused", async () => {
    const answer = await asks(stack, "/", { headers: { X_Auth_User_Id: "1" } });
    assert.equal(answer.status, 400);
  });

  promise("is answered 401 to a fetch without a session, as JSON and never by a redirect", async (visitor) => {
    await visitor.page.goto("/");
    for (const path of ["/api/whoami", "/acme/dashboard", "/api/auth/session-v2"]) {
      const { status, redirected, headers, json } = await visitor.fetches(path);
      assert.deepEqual([status, redirected], [401, false], path);
      assert.match(headers["content-type"], /^application\/json/);
      assert.match(headers["cache-control"], /no-store/);
      if (json.error) assert.match(json.error.signIn, /^\/auth\/signin/);
      else assert.deepEqual(json, { authenticated: false, reason: "no_session" });
    }
  });
});
