import { seeOther, signedIn } from "@/lib/answers";
import { askDjango } from "@/lib/django";
import { attemptOf, exchange, FORGET, provider } from "@/lib/oauth";

/** Where the identity provider sends the browser back to. In gateway.toml this route has `may_set_session = true`. */
export async function GET(request: Request) {
  const at = provider();
  const attempt = attemptOf(request);
  const code = new URL(request.url).searchParams.get("code");
  // No attempt of this browser: somebody else's link, which would sign it in as somebody else.
  if (!at || !attempt || !code) return failed("oauth_refused");
  try {
    const token = await exchange(request, at, code, attempt.verifier);
    if (!token) return failed("oauth_refused");
    // Django asks the provider whose token it is; this server's word would not be enough.
    const { status, body } = await askDjango("session", { access_token: token }, request);
    if (status !== 201) return failed(body.code === "invalid_credentials" ? "account_unknown" : String(body.code));
    return signedIn(body, attempt.next, FORGET);
  } catch (error) {
    console.error("oauth:", error);
    return failed("unavailable");
  }
}

const failed = (error: string) => seeOther(`/auth/signin?error=${encodeURIComponent(error)}`, FORGET);
