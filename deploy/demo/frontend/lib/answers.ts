// What route handlers answer with, and whom they answer.

/** Server actions check this by themselves; a route handler has to. A browser names the origin of every form post. */
export function sameOrigin(request: Request): boolean {
  const origin = request.headers.get("origin");
  return origin === null || (URL.canParse(origin) && new URL(origin).host === publicHost(request));
}

/** `https://localhost:8443`: where the browser is, as the gateway says. */
export function publicOrigin(request: Request): string {
  return `${request.headers.get("x-forwarded-proto") ?? "https"}://${publicHost(request)}`;
}

function publicHost(request: Request): string | null {
  return request.headers.get("x-forwarded-host") ?? request.headers.get("host");
}

/** A redirect after a post. A path alone will do: the browser knows where it is. */
export function seeOther(location: string, headers: Record<string, string> = {}) {
  return new Response(null, { status: 303, headers: { Location: location, "Cache-Control": "no-store", ...headers } });
}

/**
 * Signs the browser in with a session that Django has just made. The header is an order to the gateway, which removes it,
 * puts the session under a sid that nobody here has seen, and sets the cookie. It takes it from routes with
 * `may_set_session` alone.
 */
export function signedIn(session: DjangoSession, next: string | null, headers: Record<string, string> = {}) {
  return seeOther(session.onboarding.needed ? "/onboarding" : (safe(next) ?? home(session)), {
    "X-Auth-Set-Session": session.sid,
    ...headers,
  });
}

export type DjangoSession = { sid: string; tenant: { slug: string } | null; onboarding: { needed: boolean } };

function home({ tenant }: DjangoSession) {
  return tenant ? `/${tenant.slug}/dashboard` : "/dashboard";
}

/** A way back that stays on this site: a browser reads `//x`, `/\x` and a tab in between as another one. */
function safe(next: string | null): string | null {
  if (!next?.startsWith("/") || next.length > 2000) return null;
  const url = URL.canParse(next, "https://here.invalid") ? new URL(next, "https://here.invalid") : null;
  const stays = url?.origin === "https://here.invalid" && !url.pathname.startsWith("//");
  return stays ? url.pathname + url.search : null;
}
