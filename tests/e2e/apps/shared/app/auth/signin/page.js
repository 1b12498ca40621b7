import { seen } from "../../../lib.js";

export default async function SignIn({ searchParams }) {
  const [{ status, cookies }, query] = await Promise.all([seen(), searchParams]);
  return (
    <main>
      <h1 data-testid="signin">Sign in</h1>
      <p data-testid="reason">{query.reason ?? query.error ?? ""}</p>
      <p data-testid="status">{status}</p>
      <p data-testid="cookies">{cookies}</p>
      <form method="post" action="/api/auth/session-v2" data-testid="signin-form">
        <input type="hidden" name="next" defaultValue={query.returnTo ?? query.next ?? ""} />
        <input name="email" type="email" data-testid="signin-email" />
        <input name="password" type="password" data-testid="signin-password" />
        <button data-testid="signin-submit">Sign in</button>
      </form>
    </main>
  );
}
