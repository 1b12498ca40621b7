// Sign-in with an identity provider: the application's callback hands the session over, and the gateway makes it the
// browser's own.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { asks } from "../lib/browser.js";
import { behindTheGateway } from "../lib/next.js";
import { until } from "../lib/process.js";

behindTheGateway("sign-in with an identity provider", (promise, stack) => {
  /** From the sign-in page to the provider's buttons, and one of them. */
  async function continuesAs(visitor, who, from = "/auth/signin") {
    await visitor.page.goto(from);
    await visitor.get("signin-oauth").click();
    await visitor.page.getByRole("button", { name: `Continue as ${who}` }).click();
  }

  promise("ends at home, under a sid that the application has not seen", async (visitor) => {
    await continuesAs(visitor, "alice");
    await visitor.arrives("/acme/dashboard");
    await visitor.reads("identity-tenant", "acme");
    // Beside it there may be the counter of redirects, for twenty seconds: the application's callback sent one.
    const all = await visitor.context.cookies(stack.url);
    const cookies = all.filter(({ name }) => name !== "__Host-sidgate-redirects");
    assert.deepEqual(cookies.map(({ name, httpOnly, secure, sameSite }) => ({ name, httpOnly, secure, sameSite })), [
      { name: "sid", httpOnly: true, secure: true, sameSite: "Lax" },
    ]);
    assert.equal(await visitor.page.evaluate(() => document.cookie), "");
    // What Django gave the application, and the application handed over, is good for nothing any more.
    const handed = stack.given.at(-1);
    const [{ value: sid }] = cookies;
    assert.match(handed, /^[0-9a-f-]{36}$/);
    assert.notEqual(sid, handed);
    assert.deepEqual([await stack.knows(sid), await stack.knows(handed)], [true, false]);
    const refused = await asks(stack, "/api/auth/session-v2", { sid: handed });
    assert.deepEqual([refused.status, JSON.parse(refused.text).reason], [401, "session_rotated"]);
    const log = await readFile(join(stack.folder, "gateway.log"), "utf8");
    assert.ok(!log.includes(handed) && !log.includes(sid));
    assert.match(log, /sign_in=handed_over sign_in_outcome=signed_in/);
    const { json } = await visitor.fetches("/api/auth/session-v2");
    assert.equal(json.user.email, "alice@acme.test");
    assert.deepEqual(visitor.complaints, []);
  });

  promise("leads back to the page that was wanted", async (visitor) => {
    await continuesAs(visitor, "alice", "/acme/dashboard/settings?from=mail");
    await visitor.arrives("/acme/dashboard/settings");
    assert.equal(visitor.at, "/acme/dashboard/settings?from=mail");
  });

  promise("leads a newcomer to onboarding", async (visitor) => {
    await stack.resetNewbie();
    await continuesAs(visitor, "newbie");
    await visitor.arrives("/onboarding");
  });

  promise("ends the session that the browser came with", async (visitor) => {
    await visitor.signsIn("bob", "/globex/dashboard");
    const { value: old } = await visitor.cookie();
    await visitor.page.goto("/auth/oauth/start");
    await visitor.page.getByRole("button", { name: "Continue as alice" }).click();
    await visitor.arrives("/acme/dashboard");
    const { value: now } = await visitor.cookie();
    assert.notEqual(now, old);
    const refused = await asks(stack, "/api/auth/session-v2", { sid: old });
    assert.deepEqual([refused.status, JSON.parse(refused.text).reason], [401, "session_rotated"]);
    await until(async () => !(await stack.knows(old)), "the old session has ended in Django");
  });

  promise("refuses who is not known, not verified, or says no", async (visitor) => {
    for (const [who, said] of [
      ["stranger", "Nobody here has that address."], ["mallory", "Nobody here has that address."],
      ["nobody", "did not come to an end"],
    ]) {
      await continuesAs(visitor, who);
      await visitor.arrives("/auth/signin");
      await visitor.page.getByText(said).waitFor();
      assert.equal(await visitor.cookie(), undefined, who);
    }
  });

  promise("refuses a callback that another browser began, and one that comes twice", async (visitor) => {
    await visitor.page.goto("/auth/signin");
    await visitor.get("signin-oauth").click();
    const answered = visitor.page.waitForResponse((answer) => answer.url().includes("/auth/oauth/callback"));
    await visitor.page.getByRole("button", { name: "Continue as alice" }).click();
    const callback = visitor.path((await answered).url());
    await visitor.arrives("/acme/dashboard");
    const html = { Accept: "text/html" };
    const stranger = await asks(stack, callback, { headers: html });
    assert.deepEqual([stranger.status, stranger.headers.location], [303, "/auth/signin?error=oauth_refused"]);
    assert.doesNotMatch(stranger.headers["set-cookie"] ?? "", /\bsid=/);
    const { value: sid } = await visitor.cookie();
    await visitor.page.goto(callback);
    assert.equal((await visitor.cookie()).value, sid, "the session stays as it was");
  });

  promise("says so while the provider does not answer", async (visitor) => {
    stack.idp.down = ["/introspect"];
    try {
      await continuesAs(visitor, "alice");
      await visitor.arrives("/auth/signin");
      await visitor.page.getByText("does not answer right now").waitFor();
      await visitor.picture("next oauth unavailable");
      const headers = { Origin: stack.url };
      const data = { accessToken: stack.idp.issue("alice") };
      assert.equal((await asks(stack, "/api/auth/session-v2", { method: "POST", headers, data })).status, 503);
      stack.idp.down = ["/token"];
      await continuesAs(visitor, "alice");
      await visitor.arrives("/auth/signin");
    } finally {
      stack.idp.down = [];
    }
  });

  promise("takes an access token at the session API, if it was issued for this application", async (visitor) => {
    await visitor.page.goto("/auth/signin");
    const signsIn = (token) => visitor.fetches("/api/auth/session-v2", {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ accessToken: token }),
    });
    for (const token of [stack.idp.issue("alice", { client: "another application" }), stack.idp.issue("mallory"), "made up"]) {
      const refused = await signsIn(token);
      assert.deepEqual([refused.status, refused.json.error.code], [401, "invalid_credentials"]);
    }
    const token = stack.idp.issue("alice");
    const { status, json } = await signsIn(token);
    assert.deepEqual([status, json.redirectTo], [200, "/acme/dashboard"]);
    assert.equal((await visitor.cookie()).value.length, 36);
    for (const log of ["gateway.log", "django.log", "next.log"]) {
      assert.ok(!(await readFile(join(stack.folder, log), "utf8")).includes(token), `${log} has the token`);
    }
  });
});
