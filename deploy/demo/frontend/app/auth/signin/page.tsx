import { provider } from "@/lib/oauth";
import { first, inWords } from "@/lib/words";
import { SignInForm } from "@/components/sign-in-form";

type Query = Promise<Record<string, string | string[] | undefined>>;

export default async function SignIn({ searchParams }: { searchParams: Query }) {
  const query = await searchParams;
  const code = first(query.error) || first(query.reason);
  const next = first(query.next);
  return (
    <>
      <h1>Sign in</h1>
      <SignInForm next={next} message={code ? inWords(code) : ""} challenge={first(query.challenge)} />
      <p>
        {/* Plain links: what is behind them are redirects, and nothing to fetch ahead. */}
        {provider() && (
          <a className="button" href={`/auth/oauth/start?next=${encodeURIComponent(next)}`} data-testid="signin-oauth">
            Sign in with Example ID
          </a>
        )}{" "}
        No account yet? <a href="/auth/signup" data-testid="signin-signup">Sign up</a>
      </p>
    </>
  );
}
