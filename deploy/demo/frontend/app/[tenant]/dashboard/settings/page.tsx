import { getServerSession } from "@sidgate/nextjs/server";
import { NoIdentity } from "@/components/no-identity";

export default async function Settings() {
  const who = await getServerSession();
  if (!who) return <NoIdentity />;
  return (
    <>
      <h1 data-testid="settings-title">Settings</h1>
      <p className="lead">
        Reached by a click inside the application: the browser asked for data and not for a page, and the gateway ruled that
        request like the page it belongs to.
      </p>
      <p className="facts" data-testid="settings-user">user: {who.user.id}</p>
    </>
  );
}
