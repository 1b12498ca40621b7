import type { Session } from "./session.js";

export interface ServerSession extends Session {
  roles: string[];
  /** As X-Auth-Permissions says; not signed. */
  permissions: string[];
  /** Of the sid, for logs. */
  fingerprint: string | null;
}

export interface ServerOptions {
  /** The request's headers, outside of the App Router. */
  headers?: Headers | Record<string, string | string[] | undefined>;
  /** The gateway's keys; SIDGATE_JWKS_URL. */
  jwksUrl?: string;
  /** Who signs; SIDGATE_ISSUER, "sidgate". */
  issuer?: string;
  /** The name of this upstream in gateway.toml; SIDGATE_AUDIENCE, "nextjs". */
  audience?: string;
  /** "network": the plain headers are believed without a proof; SIDGATE_TRUST. */
  trust?: "network";
  /** Where Django is; SIDGATE_BACKEND_URL. */
  backendUrl?: string;
}

/** The session of whoever is asking, or null. Throws KeysUnavailable while nobody can say whether the proof is good. */
export function getServerSession(options?: ServerOptions): Promise<ServerSession | null>;

/** Calls the backend as whoever is asking. `path` begins with "/". */
export function backendFetch(path: string, init?: RequestInit & { sidgate?: ServerOptions }): Promise<Response>;

/** The gateway's keys cannot be had. */
export class KeysUnavailable extends Error {}
