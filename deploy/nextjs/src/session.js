// Who is signed in, for scripts in the browser, by the gateway's session API. No framework, no globals, no dependency:
// the kit's hook stands on this file, and the gateway serves it as it is at /api/auth/session.js.
//
// What is known has one moment: when it was asked for, or when it was made (a sign-in, a sign-out). Whatever is older than
// that is not taken, whoever says so: an answer that was under way during a sign-out, or another tab. Tabs tell each other
// what they have learnt, and never repeat what they were told.

const SESSION = "/api/auth/session-v2";
const DEVICES = "/api/auth/sessions";
/** How long an answer is good for, in milliseconds. */
const FRESH = 5000;

/** Before anything was asked. */
export const UNKNOWN = { status: "loading", session: null, reason: null, error: null };

let state = UNKNOWN;
let at = 0; // The moment of what is known.
let until = 0; // Until when nobody needs to ask again.
let clock = 0;
let flight;
let given;
let channel;
const listeners = new Set();

/** A moment that no other has: two things within a millisecond have an order too. */
const tick = () => (clock = Math.max(clock + 1e-3, Date.now()));

/** Neither too old nor, by a clock that was put back, of the future. */
const isFresh = () => Math.abs(until - FRESH / 2 - Date.now()) <= FRESH / 2;

function show(next) {
  if (JSON.stringify(next) === JSON.stringify(state)) return;
  state = next;
  for (const listener of listeners) listener(state);
}

/** Takes what is newer than what is known. */
export function take({ session, reason = null, moment }) {
  if (moment < at) return;
  at = moment;
  until = Date.now() + FRESH;
  show({ status: session ? "authenticated" : "unauthenticated", session, reason, error: null });
}

/** Takes it, and tells the other tabs. */
function learn(session, reason, moment = tick()) {
  const news = { session, reason, moment };
  take(news);
  channel?.postMessage(news);
}

/** Asks for those who listen, if anybody looks. */
function wake() {
  if (listeners.size && !document.hidden) getSession().catch(() => {});
}

function listen() {
  // Again and again, and yet once: it is always the same function.
  addEventListener("focus", wake);
  addEventListener("visibilitychange", wake);
  if (channel || !globalThis.BroadcastChannel) return;
  channel = new BroadcastChannel(SESSION);
  channel.onmessage = ({ data }) => take(data);
}

async function call(method, address, body) {
  let answer, json;
  listen();
  try {
    answer = await fetch(address, {
      method,
      cache: "no-store",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(15000),
    });
    json = await answer.json();
  } catch {
    // No connection, or no JSON, as it is with a 204.
  }
  // What else may answer here, such as a proxy's page, says nothing about anybody, whatever its status.
  if (method === "GET" ? (json?.authenticated ?? json?.sessions) !== undefined : answer?.ok) return json;
  throw Object.assign(Error(), {
    code: "unreachable",
    message: "Please try again.",
    status: answer?.status,
    retryAfter: +answer?.headers.get("retry-after"),
    ...json?.error,
  });
}

async function read() {
  // While this tab waited for its turn, another one may have told.
  if (isFresh()) return;
  const asked = tick();
  try {
    const session = await call("GET", SESSION);
    learn(session.authenticated ? session : null, session.reason, asked);
  } catch (error) {
    if (asked < at) return;
    // Nobody is signed out by this. Whoever is known stays known.
    until = Date.now() + FRESH;
    show({ ...state, error });
    setTimeout(wake, FRESH + (error.retryAfter * 1000 || 1));
  }
}

/** One tab at a time, where the browser can tell. A tab that was put to sleep meanwhile does not hold up the others. */
function inTurn() {
  return navigator.locks?.request(SESSION, { signal: AbortSignal.timeout(2000) }, read).catch(read) ?? read();
}

/**
 * The session, or null when nobody is signed in. Asks at most every five seconds, once for everybody who wants to know.
 * While the gateway cannot say, it is what was known before; where nothing was, it throws.
 */
export async function getSession() {
  if (!isFresh()) {
    const mine = (flight ??= inTurn());
    await mine;
    if (flight === mine) flight = null;
  }
  if (state.status === "loading" && state.error) throw state.error;
  return state.session;
}

/** The next question goes to the gateway. What is known stays on show until the answer. */
function clearCache() {
  until = 0;
  at = tick();
  flight = null;
}

/** Asks now, after something was changed. */
export function refresh() {
  clearCache();
  return getSession();
}

/**
 * Signs in and goes where the gateway says: onboarding, `next`, or home. `{ redirect: false }` stays. What else the options
 * hold is sent along: `{ accessToken }` instead of email and password, or `{ challenge: { id, code } }` where a second
 * factor was due, that is, where the result was `{ challenge: { id, kind } }`. Throws what `call` does.
 */
export async function signIn(email, password, { redirect, next, ...more } = {}) {
  const wanted = next ?? new URLSearchParams(location.search).get("next") ?? undefined;
  const answer = await call("POST", SESSION, { email, password, next: wanted, ...more });
  if (answer.challenge) return answer;
  learn(answer);
  if (redirect !== false) sessionManager.navigate(answer.redirectTo);
  return answer;
}

/** Signs out, and goes to `redirect`: "/" unless it says otherwise, nowhere with `false`. */
export async function signOut({ redirect = "/" } = {}) {
  await call("DELETE", SESSION);
  left(redirect);
}

function left(redirect) {
  learn(null, "signed_out");
  if (redirect) sessionManager.navigate(redirect);
}

/** Where this user is signed in. */
export async function getDevices() {
  const { sessions = [] } = await call("GET", DEVICES);
  return sessions;
}

/** Ends one session by its public id, "others", or "all", after which nobody is signed in here. */
export async function endDevices(which, { redirect = "/" } = {}) {
  await call("DELETE", DEVICES + (which === "all" || which === "others" ? "?scope=" : "/") + encodeURIComponent(which));
  if (which === "all") left(redirect);
}

/** Calls the listener with each new state, from now on, and asks, unless nobody looks at the page; the result ends that. */
export function onChange(listener) {
  listeners.add(listener);
  listen();
  wake();
  return () => listeners.delete(listener);
}

/** What is known now: `{ status, session, reason, error }`, the same object until something changes. */
export const getState = () => state;

/** Takes what the server found out while it made this page; a later one makes it ask, because it may be an old page's. */
export function start(session) {
  if (!session || session === given) return;
  given = session;
  if (state === UNKNOWN) return take({ session, moment: tick() });
  clearCache();
  wake();
}

/** Forgets everything, as a page just opened. */
export function reset() {
  clearCache();
  show(UNKNOWN);
}

export const sessionManager = {
  getSession,
  createSession: signIn,
  logout: signOut,
  clearCache,
  /** How a page is left; an application may put its own router here. */
  navigate: (address) => location.assign(address),
};
