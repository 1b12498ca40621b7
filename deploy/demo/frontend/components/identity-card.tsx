import type { ServerSession } from "@sidgate/nextjs/server";

/** The facts of this request, as the gateway stated them. */
export function IdentityCard({ who }: { who: ServerSession }) {
  const step = who.onboardingStep;
  const facts = {
    user: who.user.id,
    tenant: who.tenant?.slug ?? "none",
    "tenant-id": who.tenantId ?? "none",
    onboarding: who.needsOnboarding ? `needed${step ? ` (${step})` : ""}` : "complete",
    roles: who.roles.join(", ") || "none",
    permissions: who.permissions.join(", ") || "none",
    session: who.fingerprint ?? "none",
  };
  return (
    <dl className="card facts">
      {Object.entries(facts).map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd data-testid={`identity-${name}`}>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
