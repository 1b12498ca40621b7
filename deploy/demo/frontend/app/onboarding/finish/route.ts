import { identity } from "@/lib/identity";

const DJANGO = process.env.DEMO_DJANGO_URL ?? "http://127.0.0.1:8000";

export async function POST(request: Request) {
  const who = await identity();
  if (!who) return new Response("Nobody is signed in.\n", { status: 401 });
  if (!sameOrigin(request)) return new Response("This form belongs to another site.\n", { status: 403 });
  const company = (await request.formData().catch(() => null))?.get("company");
  if (typeof company !== "string" || !company.trim()) return seeOther("/onboarding?error=company");
  try {
    const answer = await fetch(`${DJANGO}/demo/onboarding/`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Demo-Key": process.env.DEMO_KEY ?? "" },
      body: JSON.stringify({ user_id: who.userId, done: true, company }),
      signal: AbortSignal.timeout(5000),
    });
    if (answer.status === 400) return seeOther("/onboarding?error=company");
    if (!answer.ok) throw new Error(`Django answered ${answer.status}`);
    const { tenant } = await answer.json();
    // The order to the gateway: what you remember of this session is old. It removes the header before the browser,
    // and the redirect's own request is then decided by what Django says now.
    return seeOther(tenant ? `/${tenant.slug}/dashboard` : "/dashboard", { "X-Auth-Session-Changed": "1" });
  } catch (error) {
    console.error("onboarding:", error);
    return seeOther("/onboarding?error=unavailable");
  }
}

// Server actions check this by themselves; a route handler has to. A browser names the origin of every form post.
function sameOrigin(request: Request): boolean {
  const origin = request.headers.get("origin");
  const host = request.headers.get("x-forwarded-host") ?? request.headers.get("host");
  return origin === null || (URL.canParse(origin) && new URL(origin).host === host);
}

// A path alone, because this server does not know the public address; the browser does.
function seeOther(location: string, headers: Record<string, string> = {}) {
  return new Response(null, { status: 303, headers: { Location: location, "Cache-Control": "no-store", ...headers } });
}
