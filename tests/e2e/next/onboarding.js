import assert from "node:assert/strict";
import { behindTheGateway } from "../lib/next.js";

behindTheGateway("onboarding", (promise, stack) => {
  promise("comes once, ends at the new dashboard, and never loops", async (visitor) => {
    await stack.resetNewbie();
    const first = await visitor.counting(() => visitor.page.goto("/acme/dashboard"));
    assert.deepEqual(first.documents, ["/acme/dashboard", visitor.at]);

    const signIn = await visitor.counting(async () => {
      await visitor.fillsIn("newbie");
      await visitor.arrives("/onboarding");
    });
    assert.deepEqual(signIn, { documents: ["/onboarding"], redirects: 0 });
    await visitor.reads("onboarding-step", "step: company");
    await visitor.picture("next onboarding");

    // Every door leads here, in one step.
    for (const path of ["/acme/dashboard", "/globex/dashboard/settings", "/auth/signin"]) {
      const asked = await visitor.counting(() => visitor.page.goto(path));
      assert.deepEqual(asked, { documents: [path, "/onboarding"], redirects: 1 });
    }

    const finish = await visitor.counting(async () => {
      await visitor.get("onboarding-company").fill("Newco");
      await visitor.get("onboarding-submit").click();
      await visitor.arrives("/newco/dashboard");
    });
    assert.deepEqual(finish, { documents: ["/onboarding/finish", "/newco/dashboard"], redirects: 1 });
    await visitor.reads("dashboard-title", "newco");
    await visitor.reads("identity-onboarding", "complete");

    // And none of them any more.
    for (const [path, end] of [
      ["/newco/dashboard", "/newco/dashboard"], ["/acme/dashboard", "/newco/dashboard"], ["/auth/signin", "/newco/dashboard"],
    ]) {
      const asked = await visitor.counting(() => visitor.page.goto(path));
      assert.equal(visitor.at, end);
      assert.ok(asked.redirects <= 2, JSON.stringify(asked));
    }
    const answer = await visitor.fetches("/api/auth/session-v2");
    assert.equal(answer.json.needsOnboarding, false);
    assert.equal(answer.json.tenant.slug, "newco");
  });

  promise("left unfinished in one browser and finished in another, is over in both", async (visitor) => {
    await stack.resetNewbie();
    await visitor.signsIn("newbie", "/onboarding");
    const other = await visitor.context.browser().newContext({ baseURL: stack.url, ignoreHTTPSErrors: true });
    try {
      const page = await other.newPage();
      await page.goto("/auth/signin");
      await page.locator(".signin [name=email]").fill("newbie@example.test");
      await page.locator(".signin [name=password]").fill("correct horse");
      await page.locator(".signin button").click();
      await page.getByTestId("onboarding-company").fill("Elsewhere");
      await page.getByTestId("onboarding-submit").click();
      await page.waitForURL("**/elsewhere/dashboard");
    } finally {
      await other.close();
    }
    const asked = await visitor.counting(() => visitor.page.goto("/acme/dashboard"));
    assert.ok(asked.redirects <= 2, JSON.stringify(asked));
    assert.notEqual(visitor.at, "/onboarding");
  });
});
