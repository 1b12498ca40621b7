import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { sessionManager as manager, getState, onChange, refresh, endDevices, getDevices } from "../src/session.js";
import { mockSession, newcomer, signedIn } from "../src/testing.js";

let gateway;
const reads = () => gateway.requests.filter(({ method, path }) => method === "GET" && path === "/api/auth/session-v2").length;

beforeEach(() => vi.useFakeTimers({ now: 1_800_000_000_000 }));
afterEach(() => {
  gateway?.restore();
  vi.useRealTimers();
  vi.unstubAllGlobals();
  history.replaceState(null, "", "/");
});

/** Nothing is known, and this is who the gateway knows. */
function opened(session, options) {
  gateway = mockSession(undefined, options);
  gateway.becomes(session);
}

test("asks once for many who want to know, and again after five seconds", async () => {
  opened(signedIn);
  const sessions = await Promise.all([1, 2, 3].map(() => manager.getSession()));
  expect(sessions.map(({ user }) => user.name)).toEqual(["Alice", "Alice", "Alice"]);
  vi.advanceTimersByTime(4990);
  await manager.getSession();
  expect(reads()).toBe(1);
  vi.advanceTimersByTime(20);
  await manager.getSession();
  expect(reads()).toBe(2);
});

test("says that nobody is signed in, and why", async () => {
  opened(null);
  gateway.ends("session_revoked");
  expect(await manager.getSession()).toBeNull();
  expect(getState()).toMatchObject({ status: "unauthenticated", reason: "session_revoked", error: null });
});

test("keeps whom it knows while the gateway fails, and forgets the error when it answers again", async () => {
  opened(signedIn);
  await manager.getSession();
  for (const failure of [{ status: 503 }, { status: 429, code: "rate_limited", retryAfter: 7 }, { status: 401, code: "x" }]) {
    gateway.fails(failure);
    expect((await refresh()).user.name).toBe("Alice");
    expect(getState()).toMatchObject({ status: "authenticated", error: { status: failure.status } });
  }
  gateway.fails(null);
  await refresh();
  expect(getState().error).toBeNull();
});

test("does not take a page for an answer, whatever its status", async () => {
  opened(signedIn);
  await manager.getSession();
  for (const status of [200, 401, 404]) {
    vi.stubGlobal("fetch", async () => new Response("<h1>Somebody else</h1>", { status }));
    expect((await refresh()).user.name).toBe("Alice");
    vi.stubGlobal("fetch", async () => Response.json({ hello: 1 }, { status }));
    expect((await refresh()).user.name).toBe("Alice");
  }
  vi.stubGlobal("fetch", async () => { throw new TypeError("no network"); });
  expect((await refresh()).user.name).toBe("Alice");
  expect(getState().error).toMatchObject({ code: "unreachable", status: undefined });
});

test("throws when nothing is known and nobody answers, and tries again by itself", async () => {
  opened(signedIn);
  gateway.fails({ status: 503, code: "backend_unavailable", retryAfter: 2 });
  const states = [];
  const stop = onChange(({ status, error }) => states.push([status, error?.code]));
  await expect(manager.getSession()).rejects.toMatchObject({ code: "backend_unavailable", retryAfter: 2, requestId: "test" });
  gateway.fails(null);
  await vi.advanceTimersByTimeAsync(7000);
  expect(states).toEqual([["loading", "backend_unavailable"], ["authenticated", undefined]]);
  stop();
});

test("signs in and goes where the gateway says", async () => {
  opened(null, { accounts: { "n@x.test": { password: "p", session: newcomer } } });
  await manager.createSession("n@x.test", "p");
  expect(gateway.navigations).toEqual(["/onboarding"]);
  expect(getState()).toMatchObject({ status: "authenticated", session: { needsOnboarding: true } });
});

test("sends the way back of the page's address along, or the one it is given", async () => {
  opened(null);
  history.replaceState(null, "", "/auth/signin?next=%2Facme%2Fbills");
  await manager.createSession("a", "b", { redirect: false });
  await manager.createSession("a", "b", { redirect: false, next: "/other" });
  expect(gateway.requests.map(({ body }) => body.next)).toEqual(["/acme/bills", "/other"]);
  expect(gateway.navigations).toEqual([]);
});

test("asks for a second factor, and takes its code", async () => {
  opened(null, { challenge: "123456" });
  const { challenge } = await manager.createSession("d", "p");
  expect(challenge).toEqual({ id: "challenge-1", kind: "code" });
  await expect(manager.createSession("d", "p", { challenge: { id: challenge.id, code: "0" } }))
    .rejects.toMatchObject({ code: "invalid_challenge" });
  await manager.createSession("d", "p", { challenge: { id: challenge.id, code: "123456" } });
  expect(gateway.navigations).toEqual(["/acme/dashboard"]);
});

test("says what was wrong with a sign-in, and how long to wait", async () => {
  opened(null, { accounts: {} });
  await expect(manager.createSession("a", "b")).rejects.toMatchObject({ status: 401, code: "invalid_credentials" });
  gateway.fails({ status: 429, code: "rate_limited", retryAfter: 12 });
  await expect(manager.createSession("a", "b")).rejects.toMatchObject({ code: "rate_limited", retryAfter: 12 });
});

test("signs out and leaves the page, also while the backend has yet to hear of it", async () => {
  gateway = mockSession(signedIn);
  vi.stubGlobal("fetch", async () => Response.json({ pending: true }, { status: 202 }));
  await manager.logout();
  expect(getState()).toMatchObject({ status: "unauthenticated", session: null, reason: "signed_out" });
  expect(gateway.navigations).toEqual(["/"]);
});

test("stays signed in when signing out did not work", async () => {
  gateway = mockSession(signedIn);
  gateway.fails({ status: 503 });
  await expect(manager.logout()).rejects.toMatchObject({ status: 503 });
  expect(getState().status).toBe("authenticated");
  expect(gateway.navigations).toEqual([]);
});

test("does not take an answer that was under way during a sign-out", async () => {
  gateway = mockSession(signedIn);
  const { fetch } = globalThis;
  let let_go;
  vi.stubGlobal("fetch", async (address, init) => {
    const answer = await fetch(address, init);
    if (init.method === "GET") await new Promise((go) => (let_go = go));
    return answer;
  });
  const asked = refresh();
  await vi.waitFor(() => expect(let_go).toBeDefined());
  await manager.logout({ redirect: false });
  let_go();
  expect(await asked).toBeNull();
  expect(getState().status).toBe("unauthenticated");
});

test("does not join a question that was asked before something changed", async () => {
  opened(signedIn);
  const first = manager.getSession();
  gateway.becomes(newcomer);
  manager.clearCache();
  expect((await manager.getSession()).user.name).toBe("Newbie");
  await first;
  expect(getState().session.user.name).toBe("Newbie");
});

test("does not trust a copy of the future after the clock was put back", async () => {
  opened(signedIn);
  await manager.getSession();
  vi.setSystemTime(1_700_000_000_000);
  gateway.ends("session_expired");
  expect(await manager.getSession()).toBeNull();
});

test("tells nobody twice of the same", async () => {
  opened(signedIn);
  const told = [];
  const stop = onChange((state) => told.push(state.status));
  await manager.getSession();
  await refresh();
  await refresh();
  expect(told).toEqual(["authenticated"]);
  stop();
});

test("asks when somebody comes back to the page, and not while nobody looks", async () => {
  opened(signedIn);
  await manager.getSession();
  const stop = onChange(() => {});
  window.dispatchEvent(new Event("focus"));
  expect(reads()).toBe(1);
  vi.advanceTimersByTime(5001);
  const hidden = vi.spyOn(document, "hidden", "get").mockReturnValue(true);
  document.dispatchEvent(new Event("visibilitychange", { bubbles: true }));
  expect(reads()).toBe(1);
  hidden.mockRestore();
  document.dispatchEvent(new Event("visibilitychange", { bubbles: true }));
  await manager.getSession();
  expect(reads()).toBe(2);
  stop();
  vi.advanceTimersByTime(5001);
  window.dispatchEvent(new Event("focus"));
  expect(reads()).toBe(2);
});

test("lists devices, ends one, the others, all", async () => {
  gateway = mockSession(signedIn);
  const [here, there] = await getDevices();
  expect([here.current, there.current]).toEqual([true, false]);
  await endDevices(there.publicId);
  expect(await getDevices()).toHaveLength(1);
  expect(getState().status).toBe("authenticated");
  await endDevices("others");
  await endDevices("all");
  expect(getState().status).toBe("unauthenticated");
  expect(gateway.navigations).toEqual(["/"]);
  expect(gateway.requests.filter(({ method }) => method === "DELETE").map(({ path }) => path)).toEqual([
    `/api/auth/sessions/${there.publicId}`, "/api/auth/sessions?scope=others", "/api/auth/sessions?scope=all",
  ]);
});

test("an id that comes from elsewhere leads to no other address", async () => {
  gateway = mockSession(signedIn);
  await endDevices("../session-v2?x#y").catch(() => {});
  const [{ path }] = gateway.requests.filter(({ method }) => method === "DELETE");
  expect(path).toBe("/api/auth/sessions/..%2Fsession-v2%3Fx%23y");
});
