import type { Identity } from "@/lib/identity";

/** The facts of this request, as the gateway stated them. */
export function IdentityCard({ who }: { who: Identity }) {
  const { needed, step } = who.onboarding;
  const facts = {
    user: who.userId,
    tenant: who.tenantSlug ?? "none",
    "tenant-id": who.tenantId ?? "none",
    onboarding: needed ? `needed${step ? ` (${step})` : ""}` : "complete",
    roles: who.roles.join(", ") || "none",
    permissions: who.permissions.join(", ") || "none",
    session: who.session ?? "none",
    freshness: who.freshness ?? "none",
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
