import { sameOrigin, seeOther, signedIn } from "@/lib/answers";
import { askDjango } from "@/lib/django";

const FIELDS = ["name", "company", "email", "password"];

/** Makes an account and signs its owner in. In gateway.toml this route has `may_set_session = true`. */
export async function POST(request: Request) {
  if (!sameOrigin(request)) return new Response("This form belongs to another site.\n", { status: 403 });
  const form = await request.formData().catch(() => null);
  if (!form) return failed("signup_name");
  try {
    const fields = Object.fromEntries(FIELDS.map((name) => [name, form.get(name)]));
    const { status, body } = await askDjango("sign-up", fields, request);
    if (status === 201) return signedIn(body, null);
    const wrong = FIELDS.find((name) => body.fields?.[name]);
    return failed(wrong ? `signup_${wrong}` : String(body.code));
  } catch (error) {
    console.error("sign-up:", error);
    return failed("unavailable");
  }
}

const failed = (error: string) => seeOther(`/auth/signup?error=${encodeURIComponent(error)}`);
