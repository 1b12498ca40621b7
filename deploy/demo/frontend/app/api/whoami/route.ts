import { cookies, headers } from "next/headers";

/** What the gateway told this server about the request: identity and forwarding headers, and which cookies came. */
export async function GET() {
  const [all, jar] = await Promise.all([headers(), cookies()]);
  const shown: Record<string, string> = {};
  for (const [name, value] of all) {
    if (/^(x-auth-|x-tenant-id$|x-forwarded-|x-request-id$|host$)/.test(name)) {
      shown[name] = name === "x-auth-assertion" ? unsigned(value) : value;
    }
  }
  return Response.json(
    { headers: shown, headerNames: [...all.keys()], cookies: jar.getAll().map(({ name }) => name) },
    { headers: { "Cache-Control": "no-store" } },
  );
}

// The assertion is a proof as good as a password while it lasts; without its signature it only informs.
function unsigned(assertion: string): string {
  return assertion.replace(/\.[^.]*$/, ".(signature not shown)");
}
