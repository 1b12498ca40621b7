import { provider } from "@/lib/oauth";
import { first } from "@/lib/words";
import { SignIn as Form } from "@/components/sign-in";

type Query = Promise<Record<string, string | string[] | undefined>>;

export default async function SignIn({ searchParams }: { searchParams: Query }) {
  const query = await searchParams;
  const next = first(query.next);
  return (
    <>
      <h1>Sign in</h1>
      <Form query={query} />
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
