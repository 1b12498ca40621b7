// Where else one is signed in, and an end to it.
import assert from "node:assert/strict";
import { behindAnotherGateway } from "../lib/next.js";

const FIREFOX = { userAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0" };
const API = "/api/auth/sessions";

behindAnotherGateway("two browsers of one user", { configuration: "devices", django: {} }, (promise) => {
  /** alice at both, and nowhere else. */
  async function both(visitor) {
    const other = await visitor.elsewhere(FIREFOX);
    await visitor.signsIn("alice", "/acme/dashboard");
    const { status } = await visitor.fetches(`${API}?scope=others`, { method: "DELETE" });
    assert.equal(status, 200);
    await other.signsIn("alice", "/acme/dashboard");
    return other;
  }

  const list = async (visitor) => {
    const { status, json } = await visitor.fetches(API);
    assert.equal(status, 200);
    return { all: json.sessions, own: json.sessions.find((one) => one.current), rest: json.sessions.filter((one) => !one.current) };
  };

  /** On a page without scripts: those of the others ask by themselves who is signed in, and would be told first. */
  const onQuietPage = ({ page }) => page.goto("/api/whoami");

  /** Signed out, and told why: programs by the answer, the person on the sign-in page. */
  async function isSignedOut(visitor) {
    const data = await visitor.fetches("/api/whoami");
    assert.deepEqual([data.status, data.json.error.reason], [401, "session_revoked"]);
    const own = await visitor.fetches("/api/auth/session-v2");
    assert.deepEqual([own.status, own.json], [401, { authenticated: false, reason: "session_revoked" }]);
    // That answer has taken the cookie away, so the page is asked for by somebody who never had one; the application says why.
    await visitor.page.goto("/acme/dashboard");
    await visitor.arrives("/auth/signin");
    await visitor.get("signin-form").waitFor();
    assert.equal(await visitor.cookie(), undefined);
  }

  promise("each sees the other in the list", async (visitor) => {
    const other = await both(visitor);
    const [here, there] = [await list(visitor), await list(other)];
    assert.deepEqual([here.all.length, here.rest.length, there.all.length, there.rest.length], [2, 1, 2, 1]);
    assert.equal(here.rest[0].publicId, there.own.publicId);
    assert.equal(there.rest[0].publicId, here.own.publicId);
    assert.match(here.rest[0].device.userAgent, /Firefox/);
    assert.match(here.own.device.userAgent, /Chrom/);
    assert.equal(here.own.tenant.slug, "acme");
    const { value } = await visitor.cookie();
    assert.doesNotMatch(JSON.stringify(here.all), new RegExp(value), "ids, and no sids");
  });

  promise("one ends the other, which is signed out and told why", async (visitor) => {
    const other = await both(visitor);
    const { rest } = await list(visitor);
    const ended = await visitor.fetches(`${API}/${rest[0].publicId}`, { method: "DELETE" });
    assert.deepEqual([ended.status, ended.json], [200, { revoked: [rest[0].publicId] }]);
    // At once, although the gateway remembers answers for seconds.
    const asked = await other.counting(() => other.page.reload());
    assert.equal(asked.redirects, 1);
    await other.arrives("/auth/signin");
    await other.page.getByText("this session was ended").waitFor();
    assert.match(other.at, /reason=session_revoked/);
    assert.equal(await other.cookie(), undefined);
    await other.picture("sessions ended elsewhere");
    await visitor.page.reload();
    await visitor.reads("dashboard-title", "acme");
    assert.equal((await list(visitor)).all.length, 1);
    const none = await visitor.fetches(`${API}/00000000-0000-4000-8000-000000000000`, { method: "DELETE" });
    assert.deepEqual([none.status, none.json.error?.code], [404, "session_not_found"]);
  });

  promise("programs of the one that was ended are told why, too", async (visitor) => {
    const other = await both(visitor);
    await onQuietPage(other);
    await visitor.fetches(`${API}?scope=others`, { method: "DELETE" });
    await isSignedOut(other);
  });

  promise("all end at once, the one that asks included", async (visitor) => {
    const other = await both(visitor);
    const ended = await visitor.fetches(`${API}?scope=all`, { method: "DELETE" });
    assert.deepEqual([ended.status, ended.json.revoked.length], [200, 2]);
    assert.equal(await visitor.cookie(), undefined);
    await visitor.page.reload();
    await visitor.arrives("/auth/signin");
    await other.page.reload();
    await other.arrives("/auth/signin");
  });

  promise("nobody ends a session of somebody else", async (visitor) => {
    const other = await both(visitor);
    const { own } = await list(other);
    const bob = await visitor.elsewhere();
    await bob.signsIn("bob", "/globex/dashboard");
    for (const id of [own.publicId, "00000000-0000-4000-8000-000000000000", "..%2F..%2Frevoke", "x"]) {
      const { status } = await bob.fetches(`${API}/${id}`, { method: "DELETE" });
      assert.ok([400, 404].includes(status), `${id}: ${status}`);
    }
    await other.page.reload();
    await other.reads("dashboard-title", "acme");
  });
});
