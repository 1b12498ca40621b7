// @vitest-environment node
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { importJWK, SignJWT } from "jose";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { backendFetch, getServerSession } from "../src/server.js";
import { forgetKeys } from "../src/server/keys.js";
import { forgetSaid } from "../src/server/loudly.js";

const read = (name) => JSON.parse(readFileSync(new URL(`../../assertion/${name}`, import.meta.url), "utf8"));
const { vectors, jwks, now, issuer, audience } = read("vectors.json");
const secret = read("test-keys.json").keys ?? read("test-keys.json");

let said, servers;
beforeEach(() => {
  servers = [];
  forgetKeys();
  forgetSaid();
  said = vi.spyOn(console, "warn").mockImplementation(() => {});
});
afterEach(() => {
  for (const server of servers) server.close();
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  vi.useRealTimers();
});

/** A server that answers with what it is given, and remembers what it was asked. */
async function serving(answer) {
  const requests = [];
  const server = createServer((request, response) => {
    requests.push(request);
    const { status = 200, headers = {}, body = {} } = answer(request) ?? {};
    response.writeHead(status, headers).end(JSON.stringify(body));
  });
  servers.push(server);
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return { url: `http://127.0.0.1:${server.address().port}`, requests };
}

const known = jwks.keys.find(({ alg }) => alg === "ES256").kid;
async function signed(claims = {}, kid = known) {
  const jwk = secret.find((key) => key.kid === kid);
  const seconds = Math.floor(Date.now() / 1000);
  const all = {
    iss: issuer, aud: [audience, "backend"], sub: "42", email: "alice@acme.test", name: "Alice", tid: "t1", onb: "complete",
    roles: ["owner", "auditor"], sid_h: "ab".repeat(32), iat: seconds, exp: seconds + 60, jti: "j", ...claims,
  };
  return new SignJWT(all).setProtectedHeader({ alg: jwk.alg, kid, typ: "JWT" }).sign(await importJWK(jwk, jwk.alg));
}

const told = () => said.mock.calls.map(([text]) => text);

describe("the published vectors", () => {
  beforeEach(() => vi.useFakeTimers({ now: now * 1000, toFake: ["Date"] }));
  test.each(vectors.map((vector) => [vector.name, vector]))("%s", async (_name, { token, valid, claims }) => {
    const { url } = await serving(() => ({ body: jwks }));
    let headers;
    try {
      headers = new Headers({ "X-Auth-Assertion": token, "X-Auth-Status": "authenticated", "X-Auth-User-Id": "666" });
    } catch {
      headers = { get: (name) => ({ "x-auth-assertion": token })[name] ?? null };
    }
    const session = await getServerSession({ headers, jwksUrl: url, issuer, audience });
    expect(session?.user.id ?? null).toBe(valid ? claims.sub : null);
  });
});

test("gives what was signed, and of the plain headers what speaks of the same", async () => {
  const { url } = await serving(() => ({ body: jwks }));
  const headers = {
    "x-auth-assertion": await signed({ onb: "needed;step=company%20name" }), "x-auth-user-id": "42", "x-auth-status": "authenticated",
    "x-auth-tenant-id": "t1", "x-auth-tenant-slug": "acme", "x-auth-permissions": '"bills.view", "say \\"hi\\""',
  };
  expect(await getServerSession({ headers, jwksUrl: url })).toEqual({
    user: { id: "42", email: "alice@acme.test", name: "Alice", role: "owner" },
    tenantId: "t1", tenant: { id: "t1", slug: "acme", name: null }, needsOnboarding: true, onboardingStep: "company name",
    roles: ["owner", "auditor"], permissions: ["bills.view", 'say "hi"'], fingerprint: "abababababababab",
  });
  const others = { ...headers, "x-auth-user-id": "1", "x-auth-tenant-id": "t2", "x-auth-tenant-slug": "globex" };
  expect(await getServerSession({ headers: others, jwksUrl: url })).toMatchObject({
    user: { id: "42" }, tenant: { id: "t1", slug: null }, permissions: [],
  });
});

test("without an assertion nobody is signed in, and that is said once, with what to do", async () => {
  const headers = { "x-auth-status": "authenticated", "x-auth-user-id": "1" };
  for (let i = 0; i < 3; i++) expect(await getServerSession({ headers, jwksUrl: "http://127.0.0.1:9" })).toBeNull();
  expect(told()).toHaveLength(1);
  expect(told()[0]).toMatch(/\[assertion\].*SIDGATE_TRUST=network/);
  expect(await getServerSession({ headers: {} })).toBeNull();
  expect(told()).toHaveLength(1);
});

test("without the address of the keys nobody is signed in", async () => {
  expect(await getServerSession({ headers: { "x-auth-assertion": await signed() } })).toBeNull();
  expect(told()[0]).toMatch(/SIDGATE_JWKS_URL is not set/);
});

test("the network is trusted when told so, and that is said aloud once", async () => {
  const headers = {
    "x-auth-status": "authenticated", "x-auth-user-id": "a%2Fb", "x-auth-tenant-id": "t1", "x-auth-tenant-slug": "acme",
    "x-auth-onboarding": "needed;step=company", "x-auth-roles": '"owner"', "x-auth-session": "0123456789abcdef",
  };
  vi.stubEnv("SIDGATE_TRUST", "network");
  for (let i = 0; i < 2; i++) {
    expect(await getServerSession({ headers })).toEqual({
      user: { id: "a/b", email: null, name: null, role: "owner" }, tenantId: "t1", tenant: { id: "t1", slug: "acme", name: null },
      needsOnboarding: true, onboardingStep: "company", roles: ["owner"], permissions: [], fingerprint: "0123456789abcdef",
    });
  }
  expect(await getServerSession({ headers: { "x-auth-status": "anonymous", "x-auth-user-id": "1" } })).toBeNull();
  expect(told()).toHaveLength(1);
});

test("settings come from the environment", async () => {
  const { url } = await serving(() => ({ body: jwks }));
  vi.stubEnv("SIDGATE_JWKS_URL", url);
  vi.stubEnv("SIDGATE_ISSUER", "other");
  vi.stubEnv("SIDGATE_AUDIENCE", "admin");
  const headers = { "x-auth-assertion": await signed({ iss: "other", aud: ["admin"] }) };
  expect((await getServerSession({ headers })).user.id).toBe("42");
  expect(await getServerSession({ headers: { "x-auth-assertion": await signed() } })).toBeNull();
});

test("keys are asked for once, again for a new one, and not for every unknown one", async () => {
  const [old, fresh] = jwks.keys.filter(({ alg }) => alg === "ES256");
  let keys = [old];
  const { url, requests } = await serving(() => ({ body: { keys } }));
  vi.useFakeTimers({ now: Date.now(), toFake: ["Date"] });
  const ask = async (kid) => (await getServerSession({ headers: { "x-auth-assertion": await signed({}, kid) }, jwksUrl: url }))?.user.id;
  expect(await Promise.all([ask(old.kid), ask(old.kid)])).toEqual(["42", "42"]);
  expect(requests).toHaveLength(1);
  keys = [old, fresh];
  for (let i = 0; i < 5; i++) expect(await ask(fresh.kid)).toBeUndefined();
  expect(requests).toHaveLength(1);
  vi.setSystemTime(Date.now() + 11_000);
  // A layout and its page ask at once.
  expect(await Promise.all([ask(fresh.kid), ask(fresh.kid), ask(fresh.kid)])).toEqual(["42", "42", "42"]);
  expect(requests).toHaveLength(2);
});

test("while the keys cannot be had nobody can say: an error, and not a sign-out", async () => {
  let status = 503;
  const { url } = await serving(() => ({ status, body: jwks }));
  vi.useFakeTimers({ now: Date.now(), toFake: ["Date"] });
  const ask = async () => (await getServerSession({ headers: { "x-auth-assertion": await signed() }, jwksUrl: url }))?.user.id;
  await expect(ask()).rejects.toThrow(/keys at .* cannot be had .*503.*SIDGATE_JWKS_URL/);
  status = 200;
  vi.setSystemTime(Date.now() + 11_000);
  expect(await ask()).toBe("42");
  status = 503;
  vi.setSystemTime(Date.now() + 11 * 60_000);
  expect(await ask()).toBe("42");
  vi.setSystemTime(Date.now() + 60 * 60_000);
  await expect(ask()).rejects.toThrow(/cannot be had/);
});

describe("backendFetch", () => {
  async function backend() {
    const keys = await serving(() => ({ body: jwks }));
    const django = await serving(({ url }) => (url.startsWith("/api/moved") ? { status: 302, headers: { Location: "http://127.0.0.1:1/" } } : {}));
    vi.stubEnv("SIDGATE_JWKS_URL", keys.url);
    vi.stubEnv("SIDGATE_BACKEND_URL", `${django.url}/api/`);
    return django;
  }

  test("asks as the user, below the backend's address, without the browser's cookies", async () => {
    const { requests } = await backend();
    const assertion = await signed();
    const headers = { "x-auth-assertion": assertion, cookie: "a=b", "x-request-id": "r1" };
    const answer = await backendFetch("/bills/?year=2026", {
      method: "POST", body: "{}", headers: { Cookie: "c=d", Authorization: "Basic x", "X-Mine": "1" }, sidgate: { headers },
    });
    expect(answer.status).toBe(200);
    expect(requests[0]).toMatchObject({
      method: "POST", url: "/api/bills/?year=2026",
      headers: { authorization: `Bearer ${assertion}`, "x-request-id": "r1", "x-mine": "1" },
    });
    expect(requests[0].headers.cookie).toBeUndefined();
  });

  test("passes on no assertion that is not good", async () => {
    const { requests } = await backend();
    const { token } = vectors.find(({ valid }) => !valid);
    await backendFetch("/bills/", { sidgate: { headers: { "x-auth-assertion": token } } });
    expect(requests[0].headers.authorization).toBeUndefined();
  });

  test("follows no redirect", async () => {
    await backend();
    expect((await backendFetch("/moved", { redirect: "follow", sidgate: { headers: {} } })).status).toBe(302);
  });

  test.each(["http://evil.test/", "//evil.test/", "/../admin/", "/%2e%2e/admin/", "bills/", "\\\\evil.test", "/\\evil.test", "@evil.test/", ""])(
    "does not leave the backend for %j", async (path) => {
      const { requests } = await backend();
      await expect(backendFetch(path, { sidgate: { headers: {} } })).rejects.toThrow(TypeError);
      expect(requests).toEqual([]);
    });

  test("says when it does not know where the backend is", async () => {
    await expect(backendFetch("/x", { sidgate: { headers: {} } })).rejects.toThrow(/SIDGATE_BACKEND_URL/);
  });
});
