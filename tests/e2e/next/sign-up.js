// A new person: the application makes the account, and hands a session over to the gateway.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { behindTheGateway } from "../lib/next.js";

behindTheGateway("sign-up", (promise) => {
  async function signsUp(visitor, { company = "", email = `new-${randomBytes(4).toString("hex")}@new.test`, password = "long enough" } = {}) {
    await visitor.page.goto("/auth/signin");
    await visitor.get("signin-signup").click();
    await visitor.get("signup-name").fill("Frank");
    await visitor.get("signup-company").fill(company);
    await visitor.get("signup-email").fill(email);
    await visitor.get("signup-password").fill(password);
    await visitor.get("signup-submit").click();
    return email;
  }

  promise("signs in at once, and leads through onboarding to a dashboard", async (visitor) => {
    const email = await signsUp(visitor);
    await visitor.arrives("/onboarding");
    const { value, httpOnly, secure } = await visitor.cookie();
    assert.deepEqual([value.length, httpOnly, secure], [36, true, true]);
    await visitor.get("onboarding-company").fill("Frank and Sons");
    await visitor.get("onboarding-submit").click();
    await visitor.page.waitForURL("**/frank-and-sons*/dashboard");
    const { json } = await visitor.fetches("/api/auth/session-v2");
    assert.equal(json.user.email, email);
    assert.deepEqual(visitor.complaints, []);
  });

  promise("with a company needs no onboarding, and no JavaScript", async (visitor) => {
    const company = `Co ${randomBytes(4).toString("hex")}`;
    await signsUp(visitor, { company });
    await visitor.arrives(`/${company.toLowerCase().replace(" ", "-")}/dashboard`);
    await visitor.picture("next sign-up");
  }, { javaScriptEnabled: false });

  promise("says what is wrong, and signs nobody in", async (visitor) => {
    await signsUp(visitor, { email: "alice@acme.test" });
    await visitor.reads("signup-error", "Somebody has signed up with that email address already.");
    assert.equal(await visitor.cookie(), undefined);
    await visitor.picture("next sign-up refused");
  });
});
