import type { Session } from "./session.js";

export interface GatewayOptions {
  /** Who may sign in, by email; without it everybody may. */
  accounts?: Record<string, { password?: string; session?: Session }>;
  /** A second factor is asked for, and this is the right code. */
  challenge?: string;
  /** Why nobody is signed in at first; "no_session". */
  reason?: string;
}

export interface Failure {
  status: number;
  code?: string;
  message?: string;
  /** Seconds. */
  retryAfter?: number;
}

export interface MemoryGateway {
  answer(method: string, address: string, body?: string | null): { status: number; headers: Record<string, string>; body?: string };
  requests: { method: string; path: string; body: Record<string, unknown> }[];
  becomes(session: Session | null): void;
  ends(reason?: string): void;
  fails(how: Failure | null): void;
}

export interface MockedSession extends MemoryGateway {
  /** Where pages would have been left for. */
  navigations: string[];
  restore(): void;
}

/** A page of Playwright, as much of it as is needed. */
export interface PageLike {
  route(matches: (url: URL) => boolean, handler: (route: any) => unknown): Promise<unknown>;
  request: { post(url: string, options: object): Promise<{ status(): number; json(): Promise<any> }> };
}

export const signedIn: Session;
export const newcomer: Session;
export const severalTenants: Session;
export const signedOut: null;
export function createGateway(session?: Session | null, options?: GatewayOptions): MemoryGateway;
export function mockSession(session?: Session | null, options?: GatewayOptions): MockedSession;
export function mockGateway(page: PageLike, session?: Session | null, options?: GatewayOptions): Promise<MemoryGateway>;
export function signInAt(
  page: PageLike,
  origin: string,
  credentials: { email: string; password: string; next?: string },
): Promise<Session & { redirectTo: string }>;
