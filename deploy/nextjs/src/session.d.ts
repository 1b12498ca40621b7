export interface User {
  id: string;
  email: string | null;
  name: string | null;
  role: string | null;
}

export interface Tenant {
  id: string;
  slug: string | null;
  name: string | null;
}

/** Who is signed in, as `GET /api/auth/session-v2` says. From the server (`initial`) some of it may be missing. */
export interface Session {
  user: User;
  tenantId: string | null;
  tenant: Tenant | null;
  needsOnboarding: boolean;
  onboardingStep: string | null;
  permissions: string[];
  /** All tenants of the user; not known from `initial`. */
  tenants?: Tenant[];
  /** RFC 3339; not known from `initial`. */
  expiresAt?: string | null;
}

/** What calls throw: the gateway's error, or `unreachable` where nothing came that the gateway says. */
export interface SessionError extends Error {
  /** The gateway's word: `invalid_credentials`, `rate_limited`, `backend_unavailable`, ... */
  code: string;
  /** HTTP status; absent when nothing came. */
  status?: number;
  /** Seconds to wait before trying again; 0 or NaN where nothing says so. */
  retryAfter: number;
  /** The id of the request in the gateway's log. */
  requestId?: string;
}

export interface State {
  status: "loading" | "authenticated" | "unauthenticated";
  session: Session | null;
  /** Why nobody is signed in: `no_session`, `signed_out`, `session_revoked`, `session_expired`, `session_idle`, ... */
  reason: string | null;
  /** The last question failed; what is known stays. */
  error: SessionError | null;
}

export interface SignInOptions {
  /** false: stay on this page. Otherwise the gateway's `redirectTo` is opened. */
  redirect?: boolean;
  /** The way back; `next` of the page's address unless given. */
  next?: string;
  /** The answer to a second factor. */
  challenge?: { id: string; code: string };
  /** An identity provider's token, instead of email and password. */
  accessToken?: string;
}

export type SignInResult = (Session & { redirectTo: string; challenge?: undefined }) | { challenge: { id: string; kind: string } };

export interface SignOutOptions {
  /** Where to go; "/" unless given, nowhere with false. */
  redirect?: string | false;
}

export interface Device {
  publicId: string;
  current: boolean;
  createdAt: string;
  authenticatedAt: string;
  lastActivity: string;
  expiresAt: string;
  idleExpiresAt: string | null;
  tenant: Tenant | null;
  device: { ip: string; userAgent: string };
}

export interface SessionManager {
  /** The session, or null. Asks the gateway at most every five seconds; throws a SessionError when nothing is known and none comes. */
  getSession(): Promise<Session | null>;
  /** Signs in, and goes where the gateway says. Throws a SessionError. */
  createSession(email: string | undefined, password?: string, options?: SignInOptions): Promise<SignInResult>;
  /** Signs out. */
  logout(options?: SignOutOptions): Promise<void>;
  /** The next question goes to the gateway. What is known stays on show until the answer. */
  clearCache(): void;
  /** How a page is left; `location.assign` unless replaced. */
  navigate(address: string): void;
}

export const UNKNOWN: State;
export const sessionManager: SessionManager;
export const getSession: SessionManager["getSession"];
export const signIn: SessionManager["createSession"];
export const signOut: SessionManager["logout"];
/** Asks now. */
export function refresh(): Promise<Session | null>;
/** Where this user is signed in. */
export function getDevices(): Promise<Device[]>;
/** Ends one session by its public id, "others", or "all". */
export function endDevices(which: string, options?: SignOutOptions): Promise<void>;
/** Calls the listener with each new state; the result ends that. */
export function onChange(listener: (state: State) => void): () => void;
export function getState(): State;
export function start(session: Session | null | undefined): void;
export function take(news: { session: Session | null; reason?: string | null; moment: number }): void;
export function reset(): void;
