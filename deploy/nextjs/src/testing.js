// For tests: sessions to begin with, and a gateway in memory, for vitest and for Playwright.

import { reset, sessionManager, start, take } from "./session.js";
import { createGateway } from "./testing/gateway.js";

export { createGateway } from "./testing/gateway.js";
export { newcomer, severalTenants, signedIn, signedOut } from "./testing/sessions.js";

/**
 * Lets the hook, the forms and sessionManager work without a gateway: every call below /api/auth/ is answered from memory.
 * What is known is known at once, without waiting. Where a page would have been left, the address is in `navigations`.
 * `restore()` takes everything back.
 */
export function mockSession(session, options) {
  const gateway = createGateway(session, options);
  const { fetch } = globalThis;
  const { navigate } = sessionManager;
  const navigations = [];
  globalThis.fetch = async (input, init = {}) => {
    const request = typeof input === "object" && "url" in input ? input : { url: String(input), ...init };
    const url = new URL(request.url, "http://localhost");
    if (!url.pathname.startsWith("/api/auth/")) return fetch(input, init);
    const body = init.body ?? (typeof request.text === "function" ? await request.text() : undefined);
    const { status, headers, body: text } = gateway.answer(request.method ?? "GET", url.pathname + url.search, body);
    return new Response(text, { status, headers });
  };
  sessionManager.navigate = (address) => void navigations.push(address);
  reset();
  if (session) start({ ...session });
  else if (session === null) take({ session, reason: options?.reason ?? "no_session", moment: Date.now() + 0.5 });
  return {
    ...gateway,
    navigations,
    restore() {
      globalThis.fetch = fetch;
      sessionManager.navigate = navigate;
      reset();
    },
  };
}

/** The same for a page of Playwright: its calls below /api/auth/ are answered from memory. */
export async function mockGateway(page, session, options) {
  const gateway = createGateway(session, options);
  await page.route(
    (url) => url.pathname.startsWith("/api/auth/"),
    (route) => {
      const request = route.request();
      const { pathname, search } = new URL(request.url());
      return route.fulfill(gateway.answer(request.method(), pathname + search, request.postData()));
    },
  );
  return gateway;
}

/**
 * Signs a page of Playwright in, at the real gateway and without the form: the cookie is the browser context's. Gives what
 * the gateway answers, with `redirectTo`.
 */
export async function signInAt(page, origin, { email, password, ...more }) {
  const answer = await page.request.post(new URL("/api/auth/session-v2", origin).href, {
    data: { email, password, ...more },
    headers: { Origin: new URL(origin).origin },
  });
  const body = await answer.json();
  if (answer.status() !== 200) {
    throw new Error(`sign-in as ${email} was answered ${answer.status()}: ${JSON.stringify(body)}`);
  }
  return body;
}
