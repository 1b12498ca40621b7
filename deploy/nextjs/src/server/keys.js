// The gateway's public keys, fetched when they are needed and kept for a while.

import { createLocalJWKSet, errors } from "jose";

/** How long keys are used before they are asked for again. */
const KEEP = 10 * 60_000;
/** How long old ones do while the gateway does not answer. A key that was withdrawn is good for no longer than this. */
const AT_MOST = 60 * 60_000;
/** How often an unknown key id may make us ask: whoever can send assertions must not make us flood the gateway. */
const PAUSE = 10_000;

const sets = new Map();

/** A function for `jwtVerify` that finds the key of an assertion. */
export function keysAt(url) {
  if (!sets.has(url)) sets.set(url, remote(url));
  return sets.get(url);
}

/** For tests: the next assertion asks again. */
export const forgetKeys = () => sets.clear();

function remote(url) {
  let find;
  let got = -Infinity;
  let tried = -Infinity;
  let flight;

  async function fetched() {
    tried = Date.now();
    const answer = await fetch(url, { cache: "no-store", redirect: "error", signal: AbortSignal.timeout(5000) });
    if (!answer.ok) throw new Error(`it answered ${answer.status}`);
    find = createLocalJWKSet(await answer.json());
    got = Date.now();
  }
  const ask = () => (flight ??= fetched().finally(() => (flight = undefined)));

  return async (header, token) => {
    const age = Date.now() - got;
    if (age > KEEP && (!find || Date.now() - tried > PAUSE)) {
      await ask().catch((error) => {
        if (age > AT_MOST) throw new KeysUnavailable(url, error);
      });
    }
    if (!find || Date.now() - got > AT_MOST) throw new KeysUnavailable(url, "it did not answer before");
    try {
      return await find(header, token);
    } catch (error) {
      // Whoever comes while the keys are on their way waits for them.
      if (!(error instanceof errors.JWKSNoMatchingKey) || (!flight && Date.now() - tried < PAUSE)) throw error;
      // Perhaps the gateway has begun to sign with a new one.
      await ask().catch(() => {});
      return find(header, token);
    }
  };
}

/** Nobody can say whether the assertion is good. That is not "nobody is signed in". */
export class KeysUnavailable extends Error {
  constructor(url, reason) {
    super(
      `sidgate: the gateway's keys at ${url} cannot be had (${reason?.cause?.message ?? reason?.message ?? reason}). ` +
        "SIDGATE_JWKS_URL must be /jwks.json of its admin listener, or /.well-known/sidgate/jwks.json of its public one.",
    );
    this.name = "KeysUnavailable";
  }
}
