// Requests that Next.js makes by itself, and what becomes of them when the session ends in between: the sign-in page, with
// the way back, and never an error page.
import assert from "node:assert/strict";
import { asks } from "../lib/browser.js";
import { inFrontOf } from "../lib/existing.js";
import { until } from "../lib/process.js";

const VALIDATIONS = "sidgate_backend_validations_total";
const ERROR_PAGES = /Application error|This page couldn|Internal Server Error|client-side exception/;

for (const version of [15, 16]) {
  inFrontOf(version, "preset", "a session that ends", (promise, gateway) => {
    async function signedIn(visitor, path) {
      await visitor.page.goto(path);
      await visitor.fillsIn("alice");
      await visitor.arrives(path);
      await visitor.page.waitForLoadState("networkidle");
    }

    /** As far as Django and the gateway know; the browser does not. */
    async function ends(visitor, how = "revoke") {
      const { value: sid } = await visitor.cookie();
      await gateway()[how](sid);
      await until(async () => (await asks(visitor.site, "/api/auth/session-v2", { sid })).status === 401, "the gateway knows");
      visitor.complaints.length = 0;
    }

    /** What is done ends at sign-in, and that leads back to `back`. */
    async function endsAtSignIn(visitor, back, doing, reason = "session_revoked") {
      const asked = await visitor.counting(async () => {
        await doing();
        await visitor.arrives("/auth/signin");
        await visitor.get("signin").waitFor();
        assert.doesNotMatch(await visitor.page.content(), ERROR_PAGES);
        const address = new URL(visitor.page.url());
        assert.equal(address.searchParams.get("returnTo"), back);
        assert.equal(address.searchParams.get("reason"), reason);
        await visitor.fillsIn("alice");
        await visitor.arrives(back);
      });
      // There, perhaps by way of the page that was wanted, and back by way of the form's address.
      assert.ok(asked.documents.length <= 4, asked.documents.join(" "));
      assert.deepEqual(visitor.complaints.filter((said) => said.startsWith("uncaught")), []);
    }

    promise("before a click on a link", async (visitor) => {
      await signedIn(visitor, "/dashboard");
      await ends(visitor);
      await endsAtSignIn(visitor, "/settings", () => visitor.get("to-settings").click());
      await visitor.get("settings").waitFor();
    });

    promise("because its time is up, before a click on a link and before a server action", async (visitor) => {
      await signedIn(visitor, "/dashboard");
      await ends(visitor, "expire");
      await endsAtSignIn(visitor, "/settings", () => visitor.get("to-settings").click(), "session_expired");
      await ends(visitor, "expire");
      await endsAtSignIn(visitor, "/settings", () => visitor.get("tell").click(), "session_expired");
    });

    promise("before a link is fetched ahead, and then clicked", async (visitor) => {
      await signedIn(visitor, "/dashboard");
      await ends(visitor);
      await endsAtSignIn(visitor, "/tenant/items/7", async () => {
        const ahead = visitor.page.waitForResponse((answer) => answer.url().includes("/tenant/items/7") && answer.status() === 401);
        await visitor.get("more").click();
        assert.equal((await ahead).request().headers().rsc, "1");
        // Nobody is sent away by what they did not ask for: the link is still there.
        assert.equal(visitor.at, "/dashboard");
        await visitor.get("to-item").click();
      });
      await visitor.get("item").waitFor();
    });

    promise("before router.refresh()", async (visitor) => {
      await signedIn(visitor, "/dashboard");
      await ends(visitor);
      await endsAtSignIn(visitor, "/dashboard", () => visitor.get("refresh").click());
    });

    promise("before a server action of a form", async (visitor) => {
      await signedIn(visitor, "/settings");
      await ends(visitor);
      await endsAtSignIn(visitor, "/settings", () => visitor.get("save").click());
      await visitor.get("save").click();
      await visitor.page.getByText(/saved it/).waitFor();
    });

    promise("before a server action that a script calls", async (visitor) => {
      await signedIn(visitor, "/settings");
      await ends(visitor);
      await endsAtSignIn(visitor, "/settings", () => visitor.get("tell").click());
      await visitor.get("tell").click();
      await visitor.page.getByText(/told \d+/).waitFor();
    });

    promise("before the form is sent without JavaScript", async (visitor) => {
      await visitor.page.goto("/settings");
      await visitor.fillsIn("alice");
      await visitor.arrives("/settings");
      await ends(visitor);
      await visitor.get("save").click();
      await visitor.arrives("/auth/signin");
      await visitor.reads("reason", "session_revoked");
    }, { javaScriptEnabled: false });

    promise("before the older router asks for a page's data", async (visitor) => {
      await signedIn(visitor, "/tenant/old/start");
      await ends(visitor);
      const data = visitor.page.waitForResponse((answer) => answer.url().includes("/_next/data/"));
      await endsAtSignIn(visitor, "/tenant/old/report", async () => {
        await visitor.get("to-old-report").click();
        assert.equal((await data).status(), 401);
      });
      await visitor.get("old-report").waitFor();
    });

    promise("while a page polls: a status, and no redirect", async (visitor) => {
      await signedIn(visitor, "/settings");
      await ends(visitor);
      await visitor.get("poll").click();
      await visitor.reads("polled", "401");
      assert.equal(visitor.at, "/settings");
    });
  });

  inFrontOf(version, "preset", "requests that Next.js makes by itself", (promise, gateway) => {
    /** How often the backend was asked about a session while something was done, and how often it may have been. */
    async function counting(doing) {
      const [before, began] = [await gateway().metric(VALIDATIONS), Date.now()];
      await doing();
      // Once per [session] ttl, of one second here, and once at either end.
      return [(await gateway().metric(VALIDATIONS)) - before, 2 + Math.ceil((Date.now() - began) / 1000)];
    }

    async function signedIn(visitor, path) {
      await visitor.page.goto(path);
      await visitor.fillsIn("alice");
      await visitor.arrives(path);
      await visitor.page.waitForLoadState("networkidle");
    }

    promise("do not storm the backend: thirty links are fetched ahead at once", async (visitor) => {
      await signedIn(visitor, "/dashboard");
      const ahead = new Set();
      const item = (answer) => answer.ok() && new URL(answer.url()).pathname.match(/^\/tenant\/items\/\d+$/)?.[0];
      visitor.page.on("response", (answer) => item(answer) && ahead.add(item(answer)));
      const [asked, most] = await counting(async () => {
        await visitor.get("to-many").click();
        // One of them was fetched before.
        await until(() => ahead.size >= 29, "all are fetched");
      });
      assert.ok(asked <= most, `${asked} questions to the backend, at most ${most} expected`);
      await visitor.get("item-17").click();
      await visitor.reads("item", "Item 17");
      assert.deepEqual(visitor.complaints.filter((said) => said.startsWith("uncaught")), []);
    });

    promise("do not storm the backend: a page polls ten times a second", async (visitor) => {
      await signedIn(visitor, "/settings");
      const [asked, most] = await counting(async () => {
        await visitor.get("poll").click();
        await visitor.reads("polled", "200");
      });
      assert.ok(asked <= most, `20 requests, ${asked} questions to the backend, at most ${most} expected`);
    });

    promise("do not storm the backend when the session has ended, either", async (visitor) => {
      await signedIn(visitor, "/dashboard");
      await gateway().revoke((await visitor.cookie()).value);
      const [asked, most] = await counting(async () => {
        const all = () => visitor.page.evaluate(() => Promise.all(Array.from({ length: 30 }, async (_, n) =>
          (await fetch(`/tenant/items/${n}`, { headers: { RSC: "1", "Next-Router-Prefetch": "1" } })).status)));
        await until(async () => (await all()).every((status) => status === 401), "all are refused");
      });
      assert.ok(asked <= most, `${asked} questions to the backend, at most ${most} expected`);
    });

    promise("pass as they are: a wrong _rsc gets Next.js's own answer, and no round trips without end", async (visitor) => {
      await signedIn(visitor, "/dashboard");
      const { value: sid } = await visitor.cookie();
      const headers = { RSC: "1", "Next-Router-Prefetch": "1", Accept: "*/*" };
      for (const query of ["", "?_rsc=wrong", "?x=1&_rsc="]) {
        let at = `/dashboard${query}`;
        const through = await asks(visitor.site, at, { sid, headers });
        const direct = await asks({ url: gateway().next }, at, { sid, headers });
        assert.equal(through.status, direct.status, at);
        assert.equal(through.headers.location, direct.headers.location, at);
        assert.equal(through.headers.vary, direct.headers.vary, at);
        assert.equal(through.headers["content-type"], direct.headers["content-type"], at);
        for (let steps = 0, answer = through; answer.status !== 200; steps += 1) {
          assert.ok(answer.status === 307 && steps < 2, `${answer.status} at ${at}`);
          at = answer.headers.location.replace(visitor.site.url, "");
          answer = await asks(visitor.site, at, { sid, headers });
        }
      }
    });

    promise("say what they are: data for the older router is data, and so is a refusal", async (visitor) => {
      await signedIn(visitor, "/tenant/old/start");
      const data = visitor.page.waitForResponse((answer) => answer.url().includes("/_next/data/"));
      await visitor.get("to-old-report").click();
      const answer = await data;
      assert.equal(answer.request().headers()["x-nextjs-data"], "1");
      assert.equal(answer.status(), 200);
      await visitor.reads("old-user", await visitor.page.evaluate(async () => String((await (await fetch("/api/auth/session-v2")).json()).user.id)));
      const path = visitor.path(answer.url());
      const refused = await asks(visitor.site, path, { headers: { "x-nextjs-data": "1" } });
      assert.equal(refused.status, 401);
      assert.match(refused.headers["content-type"], /json/);
    });
  });
}
