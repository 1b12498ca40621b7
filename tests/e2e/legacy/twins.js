// A neighbour below the same domain, which anybody may rent, throws cookies at the application.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after } from "node:test";
import { carries, enforce, fullJar, NOBODY, names, oldSessionOf, SHARED, SIGNED_IN } from "../lib/legacy.js";
import { behind } from "../lib/next.js";
import { until } from "../lib/process.js";

const DOMAIN = "; Domain=shop.localhost";
const id = (n) => `${String(n).padStart(8, "0")}-0000-4000-8000-000000000000`;
/** More sids than are ever tried, on paths that are sent before ours; and a session of the old kind. */
const TOSSED = [
  ...["/", "/acme", "/acme/dashboard", "/auth", "/api", "/api/auth"].map((path, n) => `sid=${id(n)}${DOMAIN}; Path=${path}`),
  `sid=session-v2-active${DOMAIN}; Path=/acme/dashboard/`,
  `session_token=${NOBODY}${DOMAIN}; Path=/`,
];

const neighbour = createServer((_, answer) => {
  answer.writeHead(200, { "Content-Type": "text/html", "Set-Cookie": TOSSED }).end("<title>Free prizes</title>");
});
after(() => neighbour.listening && (neighbour.closeAllConnections(), neighbour.close()));

behind("a neighbour that tosses cookies", enforce, (promise, site) => {
  async function visits(visitor) {
    if (!neighbour.listening) await new Promise((done) => neighbour.listen(0, "127.0.0.1", done));
    await visitor.page.goto(`http://free-prizes.shop.localhost:${neighbour.address().port}/`);
    return (await sids(visitor)).length;
  }
  const sids = async (visitor) => (await visitor.context.cookies()).filter((one) => one.name === "sid");

  promise("before a sign-in: it succeeds, and one sid is left where it is asked for", async (visitor) => {
    assert.ok(await visits(visitor) >= 7, "the browser took them");
    await visitor.page.goto("/auth/signin");
    await visitor.fillsIn("alice");
    await visitor.reads("dashboard-title", "acme");
    await visitor.page.reload();
    await visitor.reads("dashboard-title", "acme");
    const { value } = (await sids(visitor)).find((one) => one.domain === site.host);
    assert.equal(await site.django.whose(value), "alice@acme.test");
    const sent = (await visitor.context.cookies(`${site.url}/acme/dashboard`)).filter((one) => one.name === "sid");
    assert.deepEqual(sent.map((one) => one.value), [value]);
  });

  promise("signs out nobody who is signed in", async (visitor) => {
    await visitor.signsIn("alice", "/acme/dashboard");
    const { value } = await visitor.cookie();
    // As from a host that has https too: those are the ones that a browser lets stand beside ours.
    await visitor.context.addCookies(["/", "/acme", "/acme/dashboard"].map((path, n) => (
      { name: "sid", value: id(n), domain: SHARED, path, secure: true })));
    await visits(visitor);
    const asked = await visitor.counting(() => visitor.page.goto("/acme/dashboard"));
    assert.deepEqual(asked, { documents: ["/acme/dashboard"], redirects: 0 });
    await visitor.reads("dashboard-title", "acme");
    const sent = (await visitor.context.cookies(`${site.url}/acme/dashboard`)).filter((one) => one.name === "sid");
    assert.deepEqual(sent.map((one) => one.value), [value]);
  });

  promise("does not keep an old session from becoming a new one", async (visitor) => {
    await visits(visitor);
    await carries(visitor, fullJar(await oldSessionOf(site, "alice")));
    // Whose sid was refused sees the sign-in page first, as ever. Nothing is lost by that: the next page is theirs.
    await until(async () => {
      await visitor.page.goto("/acme/dashboard");
      return (await visitor.get("dashboard-title").count()) > 0;
    }, "the old session is a new one");
    await visitor.page.reload();
    await visitor.reads("dashboard-title", "acme");
    const sent = (await visitor.context.cookies(`${site.url}/acme/dashboard`)).map((one) => one.name).sort();
    assert.deepEqual(sent, SIGNED_IN);
  });
});
