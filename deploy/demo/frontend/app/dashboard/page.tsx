import { getServerSession } from "@sidgate/nextjs/server";
import { NoIdentity } from "@/components/no-identity";
import { IdentityCard } from "@/components/identity-card";
import { SignOut } from "@/components/buttons";

/** The home of somebody who is in no company. */
export default async function Dashboard() {
  const who = await getServerSession();
  if (!who) return <NoIdentity />;
  return (
    <>
      <h1 data-testid="dashboard-title">Your dashboard</h1>
      <IdentityCard who={who} />
      {who.tenant && (
        <p><a href={`/${who.tenant.slug}/dashboard`} data-testid="tenant-home">To your company&apos;s dashboard</a></p>
      )}
      <SignOut />
    </>
  );
}
