// The first visit of a browser that was last here in the old days: one request, and it is signed in.
import assert from "node:assert/strict";
import { launch, Visitor } from "../lib/browser.js";
import { carries, enforce, fullJar, isLeftWith, largest, LEFT, names, NOBODY, oldSession, oldSessionOf, sealed, SHARED, SIGNED_IN, unprotected } from "../lib/legacy.js";
import { behind } from "../lib/next.js";

behind("legacy cookies", enforce, (promise, site, stack) => {
  /** Opens the dashboard with the largest jar, by one request of this protocol. */
  async function opens(visitor, protocol) {
    const old = await oldSessionOf(site, "alice");
    const jar = fullJar(old);
    assert.ok(jar.length > 25 && largest(old).length > 3750, "it is as large as it may be");
    await carries(visitor, jar);
    const asked = await visitor.counting(() => visitor.page.goto("/acme/dashboard"));
    assert.deepEqual(asked, { documents: ["/acme/dashboard"], redirects: 0 });
    await visitor.reads("dashboard-title", "acme");
    const spoken = await visitor.page.evaluate(() => performance.getEntriesByType("navigation")[0].nextHopProtocol);
    assert.equal(spoken, protocol);
    await isLeftWith(visitor, SIGNED_IN);
    const { value, domain, httpOnly, secure } = await visitor.cookie();
    assert.deepEqual([domain, httpOnly, secure], [site.host, true, true]);
    assert.notEqual(value, old, "a cookie that scripts could read does not become the session");
    assert.deepEqual([await site.django.whose(old), await site.django.whose(value)], [null, "alice@acme.test"]);
    // And so it stays.
    const again = await visitor.counting(() => visitor.page.reload());
    assert.equal(again.redirects, 0);
    assert.equal((await visitor.cookie()).value, value);
    assert.deepEqual(visitor.complaints, []);
  }

  promise("of the largest jar are a session with the first document, over HTTP/2", (visitor) => opens(visitor, "h2"));

  promise("and over HTTP/1.1", async () => {
    const browser = await launch({}, ["--disable-http2"]);
    try {
      await opens(await Visitor.at(browser, site), "http/1.1");
    } finally {
      await browser.close();
    }
  });

  promise("are not seen by the application in the request that migrates them", async (visitor) => {
    await carries(visitor, fullJar(await oldSessionOf(site, "alice")));
    const { headers, cookies } = JSON.parse(await (await visitor.page.goto("/api/whoami")).text());
    assert.equal(headers["x-auth-status"], "authenticated");
    assert.deepEqual(cookies.sort(), LEFT);
    await isLeftWith(visitor, SIGNED_IN);
  });

  promise("are one session for two tabs that open at once", async (visitor) => {
    await carries(visitor, fullJar(await oldSessionOf(site, "bob")));
    const other = await visitor.tab();
    await Promise.all([visitor.page, other].map((page) => page.goto("/globex/dashboard")));
    for (const page of [visitor.page, other]) await visitor.reads("dashboard-title", "globex", page);
    const { json } = await visitor.fetches("/api/auth/sessions");
    assert.equal(json.sessions.length, 1, JSON.stringify(json));
  });

  promise("say nothing of onboarding: whose is not complete is led there, whatever the cookies claim", async (visitor) => {
    const old = await oldSessionOf(site, "newbie");
    const session = oldSession(old, { needsOnboarding: false, onboardingCompleted: true });
    await carries(visitor, [["dott_auth_session", sealed(session)], ["onboardingCompleted", "true"], ["needsOnboarding", "false"]]);
    const asked = await visitor.counting(() => visitor.page.goto("/acme/dashboard"));
    assert.deepEqual(asked, { documents: ["/acme/dashboard", "/onboarding"], redirects: 1 });
    assert.deepEqual(await names(visitor), ["needsOnboarding", "sid"]);
  });

  promise("say nothing of who it is: another's name in it is not believed", async (visitor) => {
    const forged = unprotected(oldSession(await oldSessionOf(site, "bob"), { sub: "1", email: "alice@acme.test", tenantId: "1" }));
    await carries(visitor, [["appSession", forged], ["userEmail", "alice@acme.test"]]);
    await visitor.page.goto("/acme/dashboard");
    await visitor.arrives("/globex/dashboard");
    assert.equal((await visitor.fetches("/api/auth/session-v2")).json.user.email, "bob@globex.test");
  });

  promise("hold an access token, and its owner is signed in", async (visitor) => {
    await carries(visitor, [["session_token", stack.idp.issue("alice", { jwt: true })]]);
    await visitor.page.goto("/acme/dashboard");
    await visitor.reads("dashboard-title", "acme");
    assert.deepEqual(await names(visitor), ["sid"]);
  });

  promise("of two people leave nobody signed in", async (visitor) => {
    const [alices, bobs] = [await oldSessionOf(site, "alice"), await oldSessionOf(site, "bob")];
    await carries(visitor, [["session_token", alices], ["appSession", unprotected(oldSession(bobs))]]);
    await visitor.page.goto("/acme/dashboard");
    await visitor.arrives("/auth/signin");
    assert.deepEqual(await names(visitor), []);
    await visitor.page.goto("/acme/dashboard");
    await visitor.arrives("/auth/signin");
  });

  promise("beside a session: the session counts, and they go", async (visitor) => {
    await visitor.signsIn("alice", "/acme/dashboard");
    const { value } = await visitor.cookie();
    const bobs = await oldSessionOf(site, "bob");
    await carries(visitor, [...fullJar(bobs), ["session_token", NOBODY, SHARED]]);
    const asked = await visitor.counting(() => visitor.page.reload());
    assert.deepEqual(asked, { documents: ["/acme/dashboard"], redirects: 0 });
    await visitor.reads("dashboard-title", "acme");
    await isLeftWith(visitor, SIGNED_IN);
    assert.equal((await visitor.cookie()).value, value);
    assert.equal(await site.django.whose(bobs), "bob@globex.test", "nobody asked about it");
  });
});
