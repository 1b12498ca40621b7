// The assertion: the proof of who is asking.

import { errors, jwtVerify } from "jose";
import { KeysUnavailable, keysAt } from "./keys.js";
import { onboarding, plain, strings, tenant } from "./plain.js";
import { loudly } from "./loudly.js";

/** Seconds by which two clocks may differ. */
const LEEWAY = 10;
/** The gateway gives a minute. What lives longer was not made for this. */
const LIFETIME = 60;

/** What the environment says, and what the caller says instead. */
export function settings(options) {
  const { env } = process;
  return {
    jwksUrl: env.SIDGATE_JWKS_URL,
    issuer: env.SIDGATE_ISSUER || "sidgate",
    audience: env.SIDGATE_AUDIENCE || "nextjs",
    trust: env.SIDGATE_TRUST,
    backendUrl: env.SIDGATE_BACKEND_URL,
    ...options,
  };
}

/** The claims of an assertion that is good; throws otherwise. deploy/assertion/README.md has the rules. */
export async function verify(assertion, { jwksUrl, issuer, audience, currentDate }) {
  const { payload, protectedHeader } = await jwtVerify(assertion, keysAt(jwksUrl), {
    algorithms: ["ES256", "EdDSA"],
    issuer,
    audience,
    typ: "JWT",
    clockTolerance: LEEWAY,
    currentDate,
    requiredClaims: ["iss", "aud", "sub", "sid_h", "iat", "exp", "jti"],
  });
  const wrong = faultOf(payload, protectedHeader, currentDate ?? new Date());
  if (wrong) throw new errors.JWTInvalid(wrong);
  return payload;
}

/** What a library for all kinds of tokens lets pass. */
function faultOf({ iss, aud, sub, sid_h, jti, iat, exp }, header, now) {
  if (!header.kid) return "no kid";
  if (header.typ !== "JWT") return "typ is not JWT";
  if ("crit" in header) return "crit is not in use";
  if (!Array.isArray(aud)) return "aud is no list";
  if (![iss, sub, sid_h, jti].every((text) => typeof text === "string" && text)) return "a claim is no text";
  if (!Number.isInteger(iat) || !Number.isInteger(exp)) return "a time is no whole number";
  if (exp - iat > LIFETIME) return "it lives too long";
  if (iat > now.getTime() / 1000 + LEEWAY) return "it is of the future";
}

/**
 * Who is asking, and the assertion that proves it. Without a proof nobody, whatever the plain headers say, unless they are
 * to be trusted.
 */
export async function identify(headers, options) {
  const given = settings(options);
  const assertion = headers.get("x-auth-assertion");
  if (given.trust === "network") {
    loudly(
      "network",
      "the gateway's plain headers are believed (trust = \"network\"). Whoever can reach this server past the gateway " +
        "can be anybody. Let only the gateway reach it, or set SIDGATE_JWKS_URL and take SIDGATE_TRUST away.",
    );
    return { session: plain(headers), assertion };
  }
  const nobody = { session: null, assertion: null };
  if (!assertion) {
    if (headers.get("x-auth-status") === "authenticated") {
      loudly(
        "none",
        "a request says that somebody is signed in, and has no X-Auth-Assertion: nobody is. Either the gateway has no " +
          "[assertion] key, or the request did not come through it. Where only the gateway can reach this server, " +
          'SIDGATE_TRUST=network, or getServerSession({ trust: "network" }), believes the plain headers.',
      );
    }
    return nobody;
  }
  if (!given.jwksUrl) {
    loudly("url", "SIDGATE_JWKS_URL is not set, so that no assertion can be verified: nobody is signed in.");
    return nobody;
  }
  try {
    return { session: described(await verify(assertion, given), headers), assertion };
  } catch (error) {
    // "Don't know" is no "no": a page that took it for one would send people to sign in who are signed in.
    if (error instanceof KeysUnavailable || !(error instanceof errors.JOSEError)) throw error;
    loudly(`bad ${error.code}`, `an assertion is refused, and nobody is signed in by it: ${error.message}.`);
    return nobody;
  }
}

/** What was signed; and of the plain headers what is not, such as the slug, as long as they speak of the same. */
function described({ sub, email, name, tid, onb, roles, sid_h }, headers) {
  const listed = Array.isArray(roles) ? roles.map(String) : [];
  return {
    user: { id: sub, email: email ?? null, name: name ?? null, role: listed[0] ?? null },
    tenantId: tid ?? null,
    tenant: tid ? tenant(headers, tid) : null,
    ...onboarding(onb),
    roles: listed,
    permissions: plain(headers)?.user.id === sub ? strings(headers.get("x-auth-permissions")) : [],
    fingerprint: sid_h.slice(0, 16),
  };
}
