import { cookies } from "next/headers";

const HOUR = { path: "/", maxAge: 3600 };

/** Writes down what it takes for true, as it always has: by Next.js, and by hand. */
export async function GET() {
  const jar = await cookies();
  jar.set("dott_auth_session", "from-the-application", { ...HOUR, httpOnly: true });
  jar.set("businessInfoCompleted", "false", HOUR);
  jar.set("theme", "light", HOUR);
  const headers = new Headers({ "Content-Type": "application/json" });
  for (const cookie of ["appSession.0=by-hand", "CognitoIdentityServiceProvider.x.idToken=by-hand", "basket=3-apples"]) {
    headers.append("Set-Cookie", `${cookie}; Path=/; Max-Age=3600`);
  }
  return new Response("{}", { headers });
}
