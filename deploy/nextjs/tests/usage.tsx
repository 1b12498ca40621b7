// What an application writes, for the types alone.
import type { ReactNode } from "react";
import { DeviceList, type Session, SessionProvider, SignInForm, sessionManager, useSession, withSession } from "@sidgate/nextjs";
import EmailPasswordSignIn from "@sidgate/nextjs/components/EmailPasswordSignIn-v2";
import useSessionV2 from "@sidgate/nextjs/hooks/useSession-v2";
import { backendFetch, getServerSession, type ServerSession } from "@sidgate/nextjs/server";
import { mockSession, signedIn } from "@sidgate/nextjs/testing";
import manager from "@sidgate/nextjs/utils/sessionManager-v2";

function Card({ title }: { title: string }) {
  const { user, isAuthenticated, tenantId, needsOnboarding, loading, error, status, reason, refresh, signOut } = useSession();
  const slug: string | null | undefined = useSessionV2().session?.tenant?.slug;
  if (loading || needsOnboarding || !isAuthenticated) return <p>{error?.code ?? reason}</p>;
  return <button onClick={() => signOut()} onFocus={() => void refresh()}>{title} {user.name} {tenantId} {slug} {status}</button>;
}

const Guarded = withSession(Card, { fallback: <p>...</p>, onboarding: "ignore" });

export async function Layout({ children }: { children: ReactNode }) {
  const session: ServerSession | null = await getServerSession();
  const bills: { total: number } = await (await backendFetch("/bills/", { method: "POST" })).json();
  return <SessionProvider initial={session}><Guarded title={`${bills.total}`} />{children}</SessionProvider>;
}

export const SignIn = ({ query }: { query: Record<string, string | string[] | undefined> }) => (
  <><SignInForm query={query} className="card" texts={{ submit: "Anmelden" }} data-testid="form" /><EmailPasswordSignIn /><DeviceList redirect={false} /></>
);

export async function calls() {
  const result = await sessionManager.createSession("a", "b", { redirect: false, next: "/x" });
  if (result.challenge) await manager.createSession("a", "b", { challenge: { id: result.challenge.id, code: "1" } });
  else console.log(result.user.id, result.redirectTo);
  const session: Session | null = await sessionManager.getSession();
  sessionManager.clearCache();
  await sessionManager.logout({ redirect: "/bye" });
  mockSession(signedIn).fails({ status: 503 });
  // @ts-expect-error a scope that there is not
  withSession(Card, { onboarding: "perhaps" });
  return session?.user.email;
}
