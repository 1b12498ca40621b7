// The gateway's plain headers: readable, and true only where nobody but the gateway can send them.

/** The session as the headers tell it, or null. */
export function plain(headers) {
  const id = decoded(headers.get("x-auth-user-id"));
  if (headers.get("x-auth-status") !== "authenticated" || !id) return null;
  return {
    user: { id, email: null, name: null, role: strings(headers.get("x-auth-roles"))[0] ?? null },
    tenantId: decoded(headers.get("x-auth-tenant-id")),
    tenant: tenant(headers, null),
    ...onboarding(headers.get("x-auth-onboarding")),
    roles: strings(headers.get("x-auth-roles")),
    permissions: strings(headers.get("x-auth-permissions")),
    fingerprint: headers.get("x-auth-session"),
  };
}

/** Its tenant, if it is the one with this id; without an id, whichever it is. */
export function tenant(headers, id) {
  const given = decoded(headers.get("x-auth-tenant-id"));
  const it = id ?? given;
  if (!it) return null;
  return { id: it, slug: given === it ? decoded(headers.get("x-auth-tenant-slug")) : null, name: null };
}

/** "complete", "needed" or "needed;step=company". */
export function onboarding(value) {
  const [state, ...parameters] = (value ?? "").split(";");
  const step = parameters.find((parameter) => parameter.startsWith("step="))?.slice(5);
  return { needsOnboarding: state === "needed", onboardingStep: decoded(step) };
}

/** A structured field's list of strings (RFC 9651): "owner", "auditor". */
export function strings(value) {
  return [...(value ?? "").matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, text]) => text.replace(/\\(.)/g, "$1"));
}

function decoded(value) {
  try {
    return value ? decodeURIComponent(value) : null;
  } catch {
    return value;
  }
}
