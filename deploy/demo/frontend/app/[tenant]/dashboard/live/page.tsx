import { getServerSession } from "@sidgate/nextjs/server";
import { NoIdentity } from "@/components/no-identity";
import { LiveEvents } from "@/components/live-events";

export default async function Live() {
  if (!(await getServerSession())) return <NoIdentity />;
  return (
    <>
      <h1 data-testid="live-title">Live events</h1>
      <LiveEvents />
    </>
  );
}
