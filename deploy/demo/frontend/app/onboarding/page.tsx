import { getServerSession } from "@sidgate/nextjs/server";
import { first, inWords } from "@/lib/words";
import { NoIdentity } from "@/components/no-identity";

type Query = Promise<Record<string, string | string[] | undefined>>;

export default async function Onboarding({ searchParams }: { searchParams: Query }) {
  const [who, query] = await Promise.all([getServerSession(), searchParams]);
  if (!who) return <NoIdentity />;
  const error = first(query.error);
  return (
    <>
      <h1>Welcome</h1>
      <p className="lead">One thing is missing: your company. Its dashboard opens as soon as it is there.</p>
      {/* A plain form post to a route handler: only there can the answer tell the gateway that the session has changed. */}
      <form className="card" method="post" action="/onboarding/finish" data-testid="onboarding-form">
        <label>
          Company
          <input name="company" required maxLength={200} placeholder="Newco" data-testid="onboarding-company" />
        </label>
        {error && <p role="alert" className="error" data-testid="onboarding-error">{inWords(error)}</p>}
        <button data-testid="onboarding-submit">Finish</button>
      </form>
      <p className="facts" data-testid="onboarding-step">
        step: {who.needsOnboarding ? (who.onboardingStep ?? "none") : "complete"}
      </p>
    </>
  );
}
