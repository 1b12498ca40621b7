// A gateway in memory: the session API for one browser, as the real one answers it.

import { signedIn } from "./sessions.js";

const HERE = "00000000-0000-4000-8000-000000000001";
const THERE = "00000000-0000-4000-8000-000000000002";

/**
 * `session`: who is signed in, null for nobody. `accounts`: who may sign in, by email; without it everybody may, as the
 * session that is given. `challenge`: a second factor is asked for, and this code is right.
 */
export function createGateway(session = null, { accounts, challenge, reason = "no_session" } = {}) {
  let failure = null;
  let devices = session ? twoDevices() : [];
  const requests = [];

  function answer(method, address, text) {
    const url = new URL(address, "http://localhost");
    const body = text ? JSON.parse(text) : {};
    requests.push({ method, path: url.pathname + url.search, body });
    if (failure) return failed(failure);
    const call = `${method} ${url.pathname.replace(/^\/api\/auth\//, "")}`;
    if (call === "GET session-v2") return session ? json(200, { authenticated: true, ...session }) : nobody();
    if (call === "POST session-v2") return signIn(body);
    if (call === "DELETE session-v2") return end("signed_out", { status: 204, headers: {} });
    if (call === "POST fix-session") return json(200, { fixed: true, cleared: [], authenticated: session !== null, ...session });
    if (!session) return nobody();
    if (call === "POST session-v2/tenant") return switchTo(body.tenantId);
    if (call === "GET sessions") return json(200, { sessions: devices });
    if (call === "DELETE sessions") return endDevices((device) => url.searchParams.get("scope") === "all" || !device.current);
    if (call.startsWith("DELETE sessions/")) {
      const id = call.slice("DELETE sessions/".length);
      if (!devices.some(({ publicId }) => publicId === id)) return failed({ status: 404, code: "session_not_found" });
      return endDevices(({ publicId }) => publicId === id);
    }
    return failed({ status: 404, code: "not_found" });
  }

  function signIn({ email, password, challenge: given, next }) {
    const account = accounts ? accounts[email] : { session: session ?? signedIn };
    if (!account || (account.password ?? password) !== password) return failed({ status: 401, code: "invalid_credentials" });
    if (challenge && !given) return json(202, { challenge: { id: "challenge-1", kind: "code" } });
    if (challenge && given.code !== challenge) return failed({ status: 401, code: "invalid_challenge" });
    session = account.session ?? signedIn;
    devices = twoDevices();
    return json(200, { authenticated: true, ...session, redirectTo: home(session, next) });
  }

  function switchTo(id) {
    const tenant = session.tenants.find((one) => one.id === id);
    if (!tenant) return failed({ status: 403, code: "not_a_member" });
    session = { ...session, tenant, tenantId: id };
    return json(200, { authenticated: true, ...session, redirectTo: home(session) });
  }

  function endDevices(which) {
    const ended = devices.filter(which);
    devices = devices.filter((device) => !which(device));
    if (ended.some(({ current }) => current)) end("signed_out");
    return json(200, { revoked: ended.map(({ publicId }) => publicId) });
  }

  function end(why, answer) {
    session = null;
    reason = why;
    return answer;
  }

  const nobody = () => json(401, { authenticated: false, reason });

  return {
    answer,
    /** Every call that came. */
    requests,
    /** Somebody is signed in from now on, or somebody else. */
    becomes(next) {
      session = next;
      devices = next ? twoDevices() : [];
    },
    /** The session ends at the gateway, for a reason such as "session_revoked". */
    ends: (why = "session_revoked") => void end(why),
    /** Every call fails from now on: `{ status: 503, code, message, retryAfter }`; null: no more. */
    fails: (how) => void (failure = how),
  };
}

function home(session, next) {
  if (session.needsOnboarding) return "/onboarding";
  return next || (session.tenant ? `/${session.tenant.slug}/dashboard` : "/dashboard");
}

function failed({ status, code = "backend_unavailable", message = `${code}.`, retryAfter }) {
  const { headers, ...answer } = json(status, { error: { code, message, requestId: "test" } });
  return { ...answer, headers: retryAfter ? { ...headers, "Retry-After": String(retryAfter) } : headers };
}

function json(status, body) {
  return { status, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
}

function twoDevices() {
  const at = "2026-11-01T09:00:00Z";
  const times = { createdAt: at, authenticatedAt: at, lastActivity: at, expiresAt: "2099-01-01T00:00:00Z", idleExpiresAt: null };
  const agent = (browser) => `Mozilla/5.0 (X11; Linux x86_64) ${browser}`;
  return [
    { publicId: HERE, current: true, ...times, tenant: null, device: { ip: "203.0.113.7", userAgent: agent("Firefox/140.0") } },
    { publicId: THERE, current: false, ...times, tenant: null, device: { ip: "203.0.113.8", userAgent: agent("Chrome/156.0") } },
  ];
}
