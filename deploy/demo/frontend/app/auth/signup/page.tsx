import { first, inWords } from "@/lib/words";

type Query = Promise<Record<string, string | string[] | undefined>>;

export default async function SignUp({ searchParams }: { searchParams: Query }) {
  const error = first((await searchParams).error);
  return (
    <>
      <h1>Sign up</h1>
      {/* A plain form post to a route handler: only there can the answer hand a session over to the gateway. */}
      <form className="card" method="post" action="/auth/signup/create" data-testid="signup-form">
        <label>
          Name
          <input name="name" required maxLength={150} autoComplete="name" data-testid="signup-name" />
        </label>
        <label>
          Company <small>(may come later)</small>
          <input name="company" maxLength={200} autoComplete="organization" data-testid="signup-company" />
        </label>
        <label>
          Email
          <input name="email" type="email" required maxLength={150} autoComplete="username" data-testid="signup-email" />
        </label>
        <label>
          Password
          <input name="password" type="password" required minLength={8} autoComplete="new-password" data-testid="signup-password" />
        </label>
        {error && <p role="alert" className="error" data-testid="signup-error">{inWords(error)}</p>}
        <button data-testid="signup-submit">Sign up</button>
      </form>
      <p>
        There is an account already? <a href="/auth/signin" data-testid="signup-signin">Sign in</a>
      </p>
    </>
  );
}
