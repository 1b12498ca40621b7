// Somebody is stuck: cookies that contradict each other. One call, or one button, and they are not.
import assert from "node:assert/strict";
import { asks } from "../lib/browser.js";
import { behindAnotherGateway } from "../lib/next.js";

// A host below a domain that cookies can be shared on, so that a browser can hold two of one name.
const HOST = "shop.app.localhost";
const PARENT = ".app.localhost";
const DEAD = "9e3779b9-7f4a-4c15-8000-000000000000";

/** What the first design tells people to run in the console, word for word. */
const CONSOLE = `
fetch('/api/auth/fix-session', { 
  method: 'POST',
  credentials: 'include' 
}).then(() => location.reload());
`;

behindAnotherGateway("twin cookies", { configuration: "fix-session", host: HOST, django: {} }, (promise, site) => {
  /**
   * Signed in as alice, with one more sid that is shared on the domain. On a page without scripts: those of the others
   * ask by themselves who is signed in, and that answer heals as well.
   */
  async function twins(visitor, twin = DEAD) {
    await visitor.signsIn("alice", "/acme/dashboard");
    const { value } = await visitor.cookie();
    await visitor.page.goto("/api/whoami");
    const more = { name: "sid", path: "/", secure: true, httpOnly: true };
    await visitor.context.addCookies([
      { ...more, value: twin, domain: PARENT },
      { ...more, value: DEAD, domain: HOST, path: "/api/auth" },
    ]);
    assert.ok((await all(visitor)).length >= 3, "the browser holds them all");
    return value;
  }

  const all = async (visitor) => (await visitor.context.cookies()).filter((one) => one.name === "sid");

  promise("are gone after the call of the first design, and the live one is kept", async (visitor) => {
    const live = await twins(visitor);
    const loaded = visitor.page.waitForEvent("load");
    await visitor.page.evaluate(CONSOLE);
    await loaded;
    await visitor.page.goto("/acme/dashboard");
    await visitor.reads("dashboard-title", "acme");
    assert.deepEqual((await all(visitor)).map((one) => one.value), [live]);
  });

  promise("are named in the answer, which tells the truth", async (visitor) => {
    const live = await twins(visitor);
    const { status, json } = await visitor.fetches("/api/auth/fix-session", { method: "POST" });
    assert.equal(status, 200);
    assert.deepEqual([json.fixed, json.authenticated, json.user.email, json.needsOnboarding], [true, true, "alice@acme.test", false]);
    assert.ok(json.cleared.includes("sid"), JSON.stringify(json.cleared));
    assert.ok(!JSON.stringify(json).includes(live), "no sid in it");
  });

  promise("of two people leave nobody signed in, and that is said", async (visitor) => {
    const bob = await visitor.elsewhere();
    await bob.signsIn("bob", "/globex/dashboard");
    await twins(visitor, (await bob.cookie()).value);
    const { status, json } = await visitor.fetches("/api/auth/fix-session", { method: "POST" });
    assert.deepEqual([status, json.fixed, json.authenticated, json.reason], [200, true, false, "session_conflict"]);
    assert.deepEqual(await all(visitor), []);
    await visitor.page.goto("/acme/dashboard");
    await visitor.arrives("/auth/signin");
    await bob.page.reload();
    await bob.reads("dashboard-title", "globex");
  });

  const page = async (visitor) => {
    await visitor.page.goto("/api/auth/fix-session");
    const button = visitor.page.getByRole("button");
    assert.equal(await button.count(), 1);
    return button;
  };

  promise("are gone after the one button of the page that a mail links to, which works without JavaScript", async (visitor) => {
    const live = await twins(visitor);
    const button = await page(visitor);
    await visitor.picture("sessions fix-session");
    assert.equal((await all(visitor)).length >= 3, true, "looking at it changes nothing");
    await button.click();
    await visitor.arrives("/acme/dashboard");
    assert.deepEqual((await all(visitor)).map((one) => one.value), [live]);
  }, { javaScriptEnabled: false, viewport: { width: 360, height: 640 } });

  promise("and the button leads to sign-in who has no session", async (visitor) => {
    const dead = { name: "sid", value: DEAD, path: "/", secure: true, httpOnly: true };
    await visitor.context.addCookies([{ ...dead, domain: HOST }, { ...dead, domain: PARENT }]);
    const button = await page(visitor);
    await button.click();
    await visitor.arrives("/auth/signin");
    assert.deepEqual(await all(visitor), []);
  });

  promise("cannot be fixed by another site", async () => {
    const headers = { Origin: "https://elsewhere.test", "Sec-Fetch-Site": "cross-site" };
    const answer = await asks(site.loopback, "/api/auth/fix-session", { method: "POST", headers, sid: DEAD });
    assert.equal(answer.status, 403);
    assert.equal(answer.headers["set-cookie"], undefined);
  });
});
