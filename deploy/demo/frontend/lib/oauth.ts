// Sign-in with an identity provider: the authorization code flow with PKCE (RFC 6749, RFC 7636), in two routes.
import { createHash, randomBytes } from "node:crypto";
import { publicOrigin } from "@/lib/answers";

const CLIENT = "sidgate-demo";
// __Host-: no page of another host, a sibling's included, can plant one.
const COOKIE = "__Host-demo-oauth";
const SCOPE = "Path=/; Secure; HttpOnly; SameSite=Lax";

/** Where the identity provider is; without one there is no button. */
export const provider = () => process.env.DEMO_IDP_URL?.replace(/\/$/, "");

type Attempt = { state: string; verifier: string; next: string };

/** Where the browser goes, and the cookie that ties what comes back to this browser. */
export function begin(request: Request, at: string, next: string): { location: string; cookie: string } {
  const attempt: Attempt = { state: secret(), verifier: secret(), next };
  const query = new URLSearchParams({
    response_type: "code",
    client_id: CLIENT,
    redirect_uri: callback(request),
    scope: "openid email",
    state: attempt.state,
    code_challenge: createHash("sha256").update(attempt.verifier).digest("base64url"),
    code_challenge_method: "S256",
  });
  const value = Buffer.from(JSON.stringify(attempt)).toString("base64url");
  return { location: `${at}/authorize?${query}`, cookie: `${COOKIE}=${value}; Max-Age=600; ${SCOPE}` };
}

export const FORGET = { "Set-Cookie": `${COOKIE}=; Max-Age=0; ${SCOPE}` };

/** The attempt that this browser began, if what came back belongs to it. */
export function attemptOf(request: Request): Attempt | null {
  const pairs = (request.headers.get("cookie") ?? "").split("; ").map((pair) => pair.split("="));
  const value = pairs.find(([name]) => name === COOKIE)?.[1];
  try {
    const attempt: Attempt = JSON.parse(Buffer.from(value ?? "", "base64url").toString());
    return attempt.state && attempt.state === new URL(request.url).searchParams.get("state") ? attempt : null;
  } catch {
    return null;
  }
}

/** An access token for the code; null when the provider refuses it. */
export async function exchange(request: Request, at: string, code: string, verifier: string): Promise<string | null> {
  const answer = await fetch(`${at}/token`, {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "authorization_code", code, redirect_uri: callback(request), client_id: CLIENT, code_verifier: verifier,
    }),
    redirect: "error",
    signal: AbortSignal.timeout(5000),
  });
  if (answer.status === 400) return null;
  if (!answer.ok) throw new Error(`the identity provider answered ${answer.status}`);
  const { access_token: token } = await answer.json();
  return typeof token === "string" ? token : null;
}

const callback = (request: Request) => `${publicOrigin(request)}/auth/oauth/callback`;
const secret = () => randomBytes(32).toString("base64url");
