import { getServerSession } from "@sidgate/nextjs/server";
import { NoIdentity } from "@/components/no-identity";
import { IdentityCard } from "@/components/identity-card";
import { Fetch, SignOut } from "@/components/buttons";
import { TenantSwitcher } from "@/components/tenant-switcher";
import { count, increment } from "./counter";

export default async function TenantDashboard({ params }: { params: Promise<{ tenant: string }> }) {
  const [who, { tenant }] = await Promise.all([getServerSession(), params]);
  if (!who) return <NoIdentity />;
  if (who.tenant?.slug !== tenant) return <WrongTenant tenant={tenant} />;
  const other = tenant === "globex" ? "acme" : "globex";
  return (
    <>
      <h1 data-testid="dashboard-title">{tenant}</h1>
      <IdentityCard who={who} />
      <TenantSwitcher />
      <section className="card">
        <h2>A server action</h2>
        <form action={increment}>
          <p>Pressed <strong data-testid="counter">{count(tenant)}</strong> times, by anybody of {tenant}.</p>
          <button data-testid="increment">Press</button>
        </form>
      </section>
      <section className="card">
        <h2>Questions from the page</h2>
        <Fetch path="/api/whoami" testid="whoami" />
        <Fetch path="/api/auth/session-v2" testid="session" />
      </section>
      <p>
        {/* A plain link: the gateway answers it with a redirect to one's own dashboard. */}
        <a href={`/${other}/dashboard`} data-testid="other-tenant">/{other}/dashboard</a> is somebody else&apos;s.
      </p>
      <SignOut />
    </>
  );
}

// The gateway's tenant rule keeps this from ever being seen; a test looks that it is not.
function WrongTenant({ tenant }: { tenant: string }) {
  return (
    <section className="card" data-testid="wrong-tenant">
      <h1>Not your company</h1>
      <p>You do not belong to {tenant}.</p>
    </section>
  );
}
