import { getServerSession, type ServerSession } from "@sidgate/nextjs/server";

export default async function Home() {
  const who = await getServerSession();
  return (
    <>
      <h1>Behind the gateway</h1>
      <p className="lead">
        This application has no login code, no session store and no middleware. The gateway reads the <code>sid</code>{" "}
        cookie, asks Django about it, decides, and tells these pages who you are.
      </p>
      <section className="card" data-testid="home-status">
        {who ? (
          <p>
            Signed in as user <strong data-testid="home-user">{who.user.id}</strong>.{" "}
            <a href={homeOf(who)} data-testid="home-continue">Go on to {homeOf(who)}</a>
          </p>
        ) : (
          <p>
            Not signed in. <a href="/auth/signin" data-testid="home-signin">Sign in</a>
          </p>
        )}
      </section>
      <h2>What to try</h2>
      {/* Plain links: these are to show what the gateway does with a whole page request. */}
      <ul className="tries">
        <li>
          <a href="/acme/dashboard" data-testid="home-acme">/acme/dashboard</a> without a session: sign-in, and back here
          afterwards.
        </li>
        <li>
          The same page as bob, who belongs to Globex: he lands at <a href="/globex/dashboard" data-testid="home-globex">his
          own dashboard</a>.
        </li>
        <li>
          Sign in as newbie: every dashboard leads to <a href="/onboarding" data-testid="home-onboarding">/onboarding</a>{" "}
          until it is done, and never again after.
        </li>
        <li>
          <a href="/api/whoami" data-testid="home-whoami">/api/whoami</a>: what the gateway says to the application.
        </li>
        <li>Stop Django, reload a dashboard, start it again: you are still signed in.</li>
      </ul>
    </>
  );
}

/** Where this person is at home; the same three places as `[pages]` in gateway.toml. */
function homeOf({ needsOnboarding, tenant }: ServerSession): string {
  if (needsOnboarding) return "/onboarding";
  return tenant ? `/${tenant.slug}/dashboard` : "/dashboard";
}
