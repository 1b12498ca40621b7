import { backendFetch, getServerSession } from "@sidgate/nextjs/server";
import { NoIdentity } from "@/components/no-identity";

export default async function Settings() {
  const who = await getServerSession();
  if (!who) return <NoIdentity />;
  // As this user: Django believes the gateway's assertion, which comes with the request and goes along with the call.
  const answer = await backendFetch("/demo/me/");
  const me = answer.ok ? await answer.json() : null;
  return (
    <>
      <h1 data-testid="settings-title">Settings</h1>
      <p className="lead">
        Reached by a click inside the application: the browser asked for data and not for a page, and the gateway ruled that
        request like the page it belongs to.
      </p>
      <p className="facts" data-testid="settings-user">user: {who.user.id}</p>
      <p className="facts" data-testid="settings-django">
        Django says: {me ? `${me.name || me.id} of ${me.tenant ?? "no company"}` : `nobody (${answer.status})`}
      </p>
    </>
  );
}
