import type { ComponentType, ReactElement, ReactNode } from "react";
import type { Session, SessionManager, State, User } from "./session.js";

/** A union, so that after `if (isAuthenticated)` TypeScript knows that there is a `user`. */
export type UseSession = State & {
  /** Nothing is known yet. */
  loading: boolean;
  tenantId: string | null;
  needsOnboarding: boolean;
  /** Asks the gateway now. */
  refresh(): Promise<Session | null>;
  signIn: SessionManager["createSession"];
  signOut: SessionManager["logout"];
} & ({ isAuthenticated: true; user: User } | { isAuthenticated: false; user: null });

export interface SessionProviderProps {
  /** What `getServerSession()` gave. null or nothing: the browser asks. */
  initial?: Session | null;
  children?: ReactNode;
}

export function SessionProvider(props: SessionProviderProps): ReactElement;
export function useSession(): UseSession;

export interface WithSessionOptions {
  /** Shown until somebody is known to be signed in. */
  fallback?: ReactNode;
  /** "required" (default): who needs onboarding is sent there. "ignore": they see the page. */
  onboarding?: "required" | "ignore";
  /** `[pages] sign_in` of the gateway, a path; "/auth/signin". */
  signInPage?: string;
  /** `[pages] onboarding` of the gateway, a path; "/onboarding". */
  onboardingPage?: string;
}

export function withSession<P extends object>(Component: ComponentType<P>, options?: WithSessionOptions): ComponentType<P>;
