// Whoever reaches Next.js or Django without the gateway is nobody, whatever they claim to be.
import assert from "node:assert/strict";
import { createHash, createPrivateKey, generateKeyPairSync, sign } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { behindTheGateway } from "../lib/next.js";

/** Everything that the gateway tells of somebody, told by the browser itself. */
const CLAIMS = {
  "X-Auth-Status": "authenticated", "X-Auth-User-Id": "1", "X-Auth-Tenant-Slug": "acme", "X-Auth-Onboarding": "complete",
  "X-Auth-Tenant-Id": "1", "X-Tenant-ID": "1", "X-Auth-Roles": '"owner"', "X-Auth-Session": "0123456789abcdef",
};
const NOBODY = "9e3779b9-7f4a-4c15-8000-000000000000";

const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

/** An assertion about alice, by this key. */
function signed({ key, kid }, { sid = NOBODY, age = 0, header = {}, claims = {} } = {}) {
  const iat = Math.floor(Date.now() / 1000) - age;
  const text = `${part({ alg: "ES256", typ: "JWT", kid, ...header })}.${part({
    iss: "sidgate", aud: ["nextjs", "backend"], sub: "1", email: "alice@acme.test", name: "Alice", tid: null, onb: "complete",
    roles: ["owner"], sid_h: createHash("sha256").update(sid).digest("hex"), iat, exp: iat + 60, jti: "1", ...claims,
  })}`;
  return `${text}.${sign("sha256", Buffer.from(text), { key, dsaEncoding: "ieee-p1363" }).toString("base64url")}`;
}

behindTheGateway("past the gateway", (promise, stack) => {
  /** The gateway's own key, which only this test could take. */
  async function own() {
    const { keys } = await (await fetch(`http://127.0.0.1:${stack.env.DEMO_ADMIN_PORT}/jwks.json`)).json();
    const folder = join(stack.folder, "keys");
    const [file] = (await readdir(folder)).filter((name) => name.endsWith(".pem"));
    return { key: createPrivateKey(await readFile(join(folder, file))), kid: keys[0].kid };
  }
  const another = (kid) => ({ key: generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey, kid });

  /** What is shown to Next.js and Django, none of which is good. */
  const forgeries = {
    "an unknown key's": async () => signed(another("unknown")),
    "one by another key under the gateway's name": async () => signed(another((await own()).kid)),
    "an expired one of the gateway's": async (sid) => signed(await own(), { sid, age: 180 }),
    "one for somebody else": async (sid) => signed(await own(), { sid, claims: { aud: ["billing"] } }),
    "one without a signature": async (sid) => signed(await own(), { sid, header: { alg: "none" } }).replace(/[^.]*$/, ""),
  };

  const shows = async (visitor, headers) => {
    await visitor.page.setExtraHTTPHeaders(headers);
    await visitor.page.goto(`${stack.next}/acme/dashboard`);
    return (await visitor.get("dashboard-title").count()) > 0 || /alice/i.test(await visitor.page.content());
  };
  const asks = (assertion) => fetch(`${stack.django}/demo/me/`, { headers: { Authorization: `Bearer ${assertion}` } });

  promise("a browser that claims to be somebody is nobody to Next.js", async (visitor) => {
    assert.equal(await shows(visitor, CLAIMS), false);
    await visitor.get("no-identity").waitFor();
    await visitor.picture("sessions past the gateway");
    assert.equal(await shows(visitor, {}), false);
  });

  promise("and so is one with a session cookie: Next.js does not look at it", async (visitor) => {
    await visitor.signsIn("alice", "/acme/dashboard");
    const { value } = await visitor.cookie();
    assert.equal(await shows(visitor, { ...CLAIMS, Cookie: `sid=${value}` }), false);
  });

  for (const [what, forge] of Object.entries(forgeries)) {
    promise(`an assertion that is no good opens neither Next.js nor Django: ${what}`, async (visitor) => {
      await visitor.signsIn("alice", "/acme/dashboard");
      const { value: sid } = await visitor.cookie();
      // It fails for the reason that is meant: signed by the gateway, in time and for both, it is good.
      const good = signed(await own(), { sid });
      assert.equal((await asks(good)).status, 200);
      assert.equal(await shows(visitor, { ...CLAIMS, "X-Auth-Assertion": good }), true);
      const assertion = await forge(sid);
      assert.equal(await shows(visitor, { ...CLAIMS, "X-Auth-Assertion": assertion }), false);
      assert.equal((await asks(assertion)).status, 401);
    });
  }

  promise("the assertion of a session that has ended is worth nothing to Django", async (visitor) => {
    await visitor.signsIn("alice", "/acme/dashboard");
    const { value: sid } = await visitor.cookie();
    const assertion = signed(await own(), { sid });
    assert.equal((await asks(assertion)).status, 200);
    await visitor.fetches("/api/auth/session-v2", { method: "DELETE" });
    assert.equal((await asks(assertion)).status, 401, "although its minute is not over");
  });

  promise("through the gateway Next.js asks Django as the user", async (visitor) => {
    await visitor.signsIn("alice", "/acme/dashboard");
    await visitor.page.goto("/acme/dashboard/settings");
    assert.match(await visitor.get("settings-django").textContent(), /Acme/);
  });
});
