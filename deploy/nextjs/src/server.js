// Who is asking, for server components, route handlers and server actions.

import { addressOf, headersFor } from "./server/backend.js";
import { identify, settings } from "./server/verify.js";

export { KeysUnavailable } from "./server/keys.js";

/**
 * The session of whoever is asking, or null. Only what the gateway's assertion proves counts. Throws KeysUnavailable while
 * nobody can say whether it is good.
 */
export async function getServerSession({ headers, ...options } = {}) {
  return (await identify(await incoming(headers), options)).session;
}

/**
 * Calls the backend as whoever is asking: `path` below SIDGATE_BACKEND_URL, `init` as fetch takes it. No cookies, and no
 * redirects: an answer of 3xx is given as it is.
 */
export async function backendFetch(path, init = {}) {
  const { sidgate: { headers, ...options } = {}, ...rest } = init;
  const url = addressOf(path, settings(options).backendUrl);
  const asking = await incoming(headers);
  const who = await identify(asking, options);
  return fetch(url, { cache: "no-store", ...rest, redirect: "manual", headers: headersFor(who, asking, rest.headers) });
}

/** The request's headers: those that are given, as Headers or as Node has them, or those of Next.js. */
async function incoming(given) {
  if (typeof given?.get === "function") return given;
  if (given) return new Headers(Object.entries(given).flatMap(([k, v]) => [v ?? []].flat().map((one) => [k, one])));
  const { headers } = await import("next/headers.js");
  return headers();
}
