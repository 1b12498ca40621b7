// Calls to Django, as the user.

import { loudly } from "./loudly.js";

/** Where a path is at the backend; throws for what would leave it. */
export function addressOf(path, base) {
  if (!base) throw new Error("sidgate: SIDGATE_BACKEND_URL is not set; backendFetch() does not know where Django is.");
  const root = new URL(base);
  const folder = root.pathname.replace(/\/$/, "");
  if (typeof path !== "string" || !/^\/(?![/\\])/.test(path)) {
    throw new TypeError(`sidgate: backendFetch() takes a path that begins with one "/", and not ${JSON.stringify(path)}.`);
  }
  const url = new URL(root.origin + folder + path);
  // "/../x" too is a path; only what stays below the backend's own address is asked.
  if (url.origin !== root.origin || !`${url.pathname}/`.startsWith(`${folder}/`)) {
    throw new TypeError(`sidgate: backendFetch() does not leave the backend: ${JSON.stringify(path)}.`);
  }
  return url;
}

/** What is sent: the proof, the request's id, and nothing of the browser's. */
export function headersFor({ session, assertion }, incoming, given) {
  const headers = new Headers(given);
  for (const name of ["cookie", "authorization", "x-auth-assertion", "x-gateway-key"]) headers.delete(name);
  if (assertion && session) headers.set("Authorization", `Bearer ${assertion}`);
  else if (session) loudly("bearer", "there is no assertion to pass on, so that the backend answers nobody.");
  for (const name of ["x-request-id", "traceparent"]) {
    const value = incoming.get(name);
    if (value && !headers.has(name)) headers.set(name, value);
  }
  return headers;
}
