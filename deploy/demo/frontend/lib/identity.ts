// Who is asking, as the gateway says. This is the only place that reads the X-Auth-* headers, and there is no other
// source: no cookie, no session store, no middleware. The gateway removes these headers from what a browser sends.
import { headers } from "next/headers";

export type Identity = {
  userId: string;
  tenantId: string | null;
  tenantSlug: string | null;
  onboarding: { needed: boolean; step: string | null };
  roles: string[];
  permissions: string[];
  session: string | null;
  freshness: string | null;
};

/** The signed-in person, or null. Reading headers makes a page dynamic, so no one is ever served another's page. */
export async function identity(): Promise<Identity | null> {
  const given = await headers();
  const userId = given.get("x-auth-user-id");
  if (given.get("x-auth-status") !== "authenticated" || !userId) return null;
  return {
    userId: decoded(userId),
    tenantId: given.get("x-auth-tenant-id"),
    tenantSlug: given.get("x-auth-tenant-slug"),
    onboarding: onboarding(given.get("x-auth-onboarding") ?? ""),
    roles: strings(given.get("x-auth-roles")),
    permissions: strings(given.get("x-auth-permissions")),
    session: given.get("x-auth-session"),
    freshness: given.get("x-auth-freshness"),
  };
}

/** Where this person is at home; the same three places as `[pages]` in gateway.toml. */
export function homeOf(who: Identity): string {
  if (who.onboarding.needed) return "/onboarding";
  return who.tenantSlug ? `/${who.tenantSlug}/dashboard` : "/dashboard";
}

// "complete", "needed" or "needed;step=company"
function onboarding(value: string): Identity["onboarding"] {
  const [state, ...parameters] = value.split(";");
  const step = parameters.find((parameter) => parameter.startsWith("step="));
  return { needed: state === "needed", step: step ? decoded(step.slice("step=".length)) : null };
}

// A structured-field list of strings: "owner", "auditor"
function strings(value: string | null): string[] {
  return [...(value ?? "").matchAll(/"((?:[^"\\]|\\.)*)"/g)].map((match) => match[1].replace(/\\(.)/g, "$1"));
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
