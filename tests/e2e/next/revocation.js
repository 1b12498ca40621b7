// A session that ends while its owner is in the middle of something: sign-in, and never an error page.
import assert from "node:assert/strict";
import { asks } from "../lib/browser.js";
import { behindTheGateway } from "../lib/next.js";
import { until } from "../lib/process.js";

behindTheGateway("a revoked session", (promise, stack) => {
  /** Signed in, a page open, and then the session is no more, as far as Django and the gateway know; the browser does not. */
  async function revoked(visitor) {
    await visitor.signsIn("alice", "/acme/dashboard");
    // What Next.js fetches ahead was fetched while the session was good.
    await visitor.page.waitForLoadState("networkidle");
    const { value: sid } = await visitor.cookie();
    await stack.revoke(sid);
    // As long as the gateway remembers an answer ([session] ttl).
    await until(async () => (await asks(stack, "/api/auth/session-v2", { sid })).status === 401, "the gateway knows", 10_000);
    assert.equal((await visitor.cookie()).value, sid);
  }

  async function endsAtSignIn(visitor) {
    await visitor.arrives("/auth/signin");
    await visitor.get("signin-form").waitFor();
    await visitor.page.waitForLoadState("networkidle");
    assert.match(visitor.at, /^\/auth\/signin/);
    assert.deepEqual(visitor.complaints.filter((said) => said.startsWith("uncaught")), []);
    await visitor.fillsIn("alice");
    await visitor.page.getByTestId("identity-tenant").or(visitor.page.getByTestId("stream-title")).or(visitor.page.getByTestId("settings-title")).first().waitFor();
  }

  for (const place of ["stream", "settings"]) {
    const ahead = place === "settings" ? "that was fetched ahead" : "that was not fetched ahead";
    promise(`ends a click on a link ${ahead} at sign-in`, async (visitor) => {
      await revoked(visitor);
      await visitor.get(`nav-${place}`).click();
      await endsAtSignIn(visitor);
    });
  }

  promise("ends a server action at sign-in", async (visitor) => {
    await revoked(visitor);
    await visitor.get("increment").click();
    await endsAtSignIn(visitor);
  });

  promise("ends a page load at sign-in, which says why, and takes the cookie away", async (visitor) => {
    await revoked(visitor);
    const asked = await visitor.counting(() => visitor.page.reload());
    assert.equal(asked.redirects, 1);
    await visitor.reads("signin-error", "You were signed out: this session was ended.");
    assert.equal(await visitor.cookie(), undefined);
    await endsAtSignIn(visitor);
  });
});
