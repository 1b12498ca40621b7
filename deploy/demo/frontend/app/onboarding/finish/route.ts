import { sameOrigin, seeOther } from "@/lib/answers";
import { askDjango } from "@/lib/django";
import { getServerSession } from "@sidgate/nextjs/server";

export async function POST(request: Request) {
  const who = await getServerSession();
  if (!who) return new Response("Nobody is signed in.\n", { status: 401 });
  if (!sameOrigin(request)) return new Response("This form belongs to another site.\n", { status: 403 });
  const company = (await request.formData().catch(() => null))?.get("company");
  if (typeof company !== "string" || !company.trim()) return seeOther("/onboarding?error=company");
  try {
    const { status, body } = await askDjango("onboarding", { user_id: who.user.id, done: true, company }, request);
    if (status === 400) return seeOther("/onboarding?error=company");
    if (status !== 200) throw new Error(`Django answered ${status}`);
    const { tenant } = body;
    // The order to the gateway: what you remember of this session is old. It removes the header before the browser,
    // and the redirect's own request is then decided by what Django says now.
    return seeOther(tenant ? `/${tenant.slug}/dashboard` : "/dashboard", { "X-Auth-Session-Changed": "1" });
  } catch (error) {
    console.error("onboarding:", error);
    return seeOther("/onboarding?error=unavailable");
  }
}
