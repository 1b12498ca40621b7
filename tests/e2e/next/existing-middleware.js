// An application keeps its own middleware, which goes by the presence of a cookie. With the preset it works unchanged; where
// it and the gateway disagree all the same, there is a page and never a loop.
import assert from "node:assert/strict";
import { inFrontOf } from "../lib/existing.js";

const UUID = /^\/[0-9a-f]{8}-[0-9a-f-]{27}\/dashboard$/;
const DISAGREED = "sidgate_upstream_disagreed_total";
/** What a browser may still have from before: a session of the application's own, and a sid that has ended. */
const LEFT_OVER = [["session_token", "from-before"], ["sid", "00000000-0000-4000-8000-000000000000"]];

const has = (visitor, cookies) =>
  visitor.context.addCookies(cookies.map(([name, value]) => ({ name, value, url: visitor.site.url })));

async function signsIn(visitor, who = "alice") {
  await visitor.page.goto("/auth/signin");
  await visitor.fillsIn(who);
}

for (const version of [15, 16]) {
  inFrontOf(version, "preset", "an application with a middleware of its own", (promise, gateway) => {
    promise("leads to sign-in and back, and sees the sid of who is signed in", async (visitor) => {
      const asked = await visitor.counting(() => visitor.page.goto("/dashboard?from=mail"));
      assert.equal(visitor.at, "/auth/signin?returnTo=/dashboard%3Ffrom%3Dmail");
      assert.equal(asked.redirects, 1);
      await visitor.reads("status", "anonymous");
      await visitor.fillsIn("alice");
      await visitor.arrives("/dashboard");
      assert.equal(visitor.at, "/dashboard?from=mail");
      await visitor.reads("status", "authenticated");
      await visitor.reads("cookies", "sid");
      await visitor.page.goto("/");
      await visitor.reads("status", "authenticated");
      assert.deepEqual(visitor.complaints.filter((said) => said.startsWith("uncaught")), []);
    });

    promise("leads home to the pages of the tenant's id, also from the sign-in page", async (visitor) => {
      await signsIn(visitor);
      await visitor.page.waitForURL((url) => UUID.test(url.pathname));
      const home = visitor.at;
      await visitor.reads("home", home.split("/")[1]);
      await visitor.page.goto("/auth/signin?returnTo=/settings");
      assert.equal(visitor.at, home);
    });

    promise("leads a newcomer to onboarding", async (visitor) => {
      await signsIn(visitor, "newbie");
      await visitor.arrives("/onboarding");
      await visitor.reads("status", "authenticated");
    });

    for (const page of ["/dashboard", "/settings", "/tenant/items/1", "/0190d6d2-7c2f-7a3b-8c4d-0123456789ab/dashboard"]) {
      promise(`asks for a session and not for a cookie that is left over: ${page}`, async (visitor) => {
        await has(visitor, LEFT_OVER);
        const disagreed = await gateway().metric(DISAGREED);
        const asked = await visitor.counting(() => visitor.page.goto(page));
        assert.equal(visitor.at, `/auth/signin?returnTo=${page}&reason=session_unknown`);
        assert.equal(asked.redirects, 1);
        await visitor.reads("status", "anonymous");
        await visitor.reads("cookies", "none");
        assert.equal(await visitor.cookie("sid"), undefined, "it is taken away");
        assert.equal(await gateway().metric(DISAGREED), disagreed);
      });
    }

    promise("sends an onboarded user to onboarding, because of a cookie: counted, and no loop", async (visitor) => {
      await has(visitor, [["onboardingCompleted", "false"]]);
      const disagreed = await gateway().metric(DISAGREED);
      await visitor.page.goto("/dashboard");
      const asked = await visitor.counting(async () => {
        await visitor.fillsIn("alice");
        await visitor.get("onboarding").waitFor();
      });
      await visitor.reads("status", "authenticated");
      assert.ok(asked.documents.length <= 3, asked.documents.join(" "));
      assert.ok((await gateway().metric(DISAGREED)) > disagreed);
      // Nor is there one by way of the sign-in page, which sends nobody home for ten seconds.
      await visitor.page.goto("/auth/signin");
      await visitor.arrives("/onboarding");
    });

    promise("goes round by two cookies that contradict each other: a page says so, with one way on", async (visitor) => {
      await signsIn(visitor);
      await visitor.page.waitForURL((url) => UUID.test(url.pathname));
      // From a page without scripts, whose router goes round with nobody; and the way from sign-in is not counted with it.
      await visitor.page.goto("/api/auth/fix-session");
      await visitor.context.clearCookies({ name: "__Host-sidgate-redirects" });
      await has(visitor, [["onboardingCompleted", "false"], ["setupComplete", "true"]]);
      const loops = () => gateway().metric('sidgate_redirect_loops_total\\{cause="application_to_onboarding"\\}');
      const before = await loops();
      const asked = await visitor.counting(() => visitor.page.goto("/dashboard"));
      await visitor.page.getByText("sending you to the setup of your account and away from it again").waitFor();
      assert.equal(asked.redirects, 10);
      await visitor.page.getByText("you are signed in, and stay so").waitFor();
      assert.equal(await visitor.page.locator("a, button").count(), 1);
      await visitor.picture(`next ${version} goes round`);
      assert.ok(await visitor.cookie(), "nobody is signed out by it");
      assert.equal(await loops(), before + 1);
      assert.match(gateway().service.output, /sends a browser round in circles/);
      // A link of the application's own does not hang: the router is told, and loads the page.
      await visitor.page.goto("/");
      await visitor.page.evaluate(() => fetch("/dashboard", { headers: { RSC: "1" } }).then((answer) => answer.status))
        .then((status) => assert.equal(status, 508));
      // Once one of the two is gone, the button leads where one wanted to go.
      await visitor.page.goto("/dashboard");
      await visitor.context.clearCookies({ name: "onboardingCompleted" });
      await visitor.page.getByText("Go on", { exact: true }).click();
      await visitor.arrives("/dashboard");
      await visitor.reads("status", "authenticated");
    });

    promise("shows what is open to anybody who has an old cookie", async (visitor) => {
      await has(visitor, LEFT_OVER);
      await visitor.page.goto("/");
      await visitor.reads("status", "anonymous");
      await visitor.reads("cookies", "none");
      await visitor.page.goto("/auth/signin");
      await visitor.get("signin").waitFor();
    });
  });

  inFrontOf(version, "blind", "an application that sees other cookies than we do", (promise, gateway) => {
    promise("sends a signed-in user to sign-in once, where a page is shown", async (visitor) => {
      const disagreed = await gateway().metric(DISAGREED);
      await visitor.page.goto("/auth/signin");
      const asked = await visitor.counting(async () => {
        await visitor.fillsIn("alice");
        await visitor.reads("status", "authenticated");
      });
      assert.match(visitor.at, /^\/auth\/signin\?returnTo=/);
      assert.ok(asked.documents.length <= 3, asked.documents.join(" "));
      assert.ok((await gateway().metric(DISAGREED)) > disagreed);
      assert.match(gateway().service.output, /does it look for a cookie it no longer sees/);
    });

    promise("takes a visitor with an old cookie for signed in: a page with a way to sign-in, and it leads there", async (visitor) => {
      await has(visitor, LEFT_OVER);
      const disagreed = await gateway().metric(DISAGREED);
      const asked = await visitor.counting(() => visitor.page.goto("/settings"));
      await visitor.page.getByText("You are not signed in").waitFor();
      assert.equal(visitor.at, "/settings");
      assert.deepEqual(asked.documents.map((one) => one.split("?")[0]), ["/settings", "/auth/signin", "/settings"]);
      assert.equal(await gateway().metric(DISAGREED), disagreed + 1);
      assert.match(gateway().service.output, /does it go by a cookie that is left over/);
      await visitor.picture(`next ${version} disagrees`);
      await visitor.page.getByText("Sign in", { exact: true }).click();
      await visitor.reads("status", "anonymous");
      await visitor.fillsIn("alice");
      await visitor.arrives("/settings");
      await visitor.get("settings").waitFor();
    });
  });
}
