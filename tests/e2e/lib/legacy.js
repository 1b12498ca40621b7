// What a browser still carries from the old application: its cookies, as that wrote them, and gateways that migrate them.
import assert from "node:assert/strict";
import { createCipheriv, createHash, randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ADDRESS } from "./browser.js";
import { anotherGateway } from "./next.js";

const HOST = "app.shop.localhost";
/** A domain that other hosts share: cookies were set on it, too. */
export const SHARED = ".shop.localhost";
/** No session of anybody's. */
export const NOBODY = "9e3779b9-7f4a-4c15-8000-000000000000";
/** What the old application encrypted with. */
export const SECRET = "the old application's secret, of these tests alone";

/** `[legacy]` for these tests; the carriers in the order of the documentation. `key`: the file of the secret. */
export const configuration = (mode, key) => `
[legacy]
enabled = true
mode = "${mode}"
per_client = "50/s"
domains = ["shop.localhost"]
# Django's own session stays: its admin pages go on with it.
keep = ["theme", "sessionid"]

[[legacy.carrier]]
name = "session-token"
cookies = ["session_token"]
format = "session_id"

[[legacy.carrier]]
name = "auth-session"
cookies = ["dott_auth_session", "appSession"]
format = "aes_256_cbc"
key = "file:${key}"

[[legacy.carrier]]
name = "access-token"
cookies = ["session_token"]
format = "access_token"

[[legacy.carrier]]
name = "unprotected"
cookies = ["dott_auth_session", "appSession"]
format = "base64_json"

[[legacy.carrier]]
name = "django"
cookies = ["sessionid"]
format = "opaque"
`;

function migrating(mode, more) {
  return anotherGateway({
    configuration: `legacy-${mode}`,
    host: HOST,
    prepare: (stack) => writeFile(join(stack.folder, "legacy-key"), SECRET),
    change: (text) => `${text}${configuration(mode, "legacy-key")}
[session]
ttl = "1s"
refresh_ahead = "0s"
`,
    ...more,
  });
}

/** In front of the same Next.js and a Django of their own: `enforce`, and `dual` in front of the same sessions. */
export const enforce = migrating("enforce", { django: (stack) => stack.idp.env });
export const dual = migrating("dual", { beside: enforce });

/** `base64(iv):base64(ciphertext)`, AES-256-CBC under SHA-256 of the secret. */
export function sealed(session) {
  const iv = randomBytes(16);
  const cipher = createCipheriv("aes-256-cbc", createHash("sha256").update(SECRET).digest(), iv);
  const text = Buffer.concat([cipher.update(JSON.stringify(session)), cipher.final()]);
  return `${iv.toString("base64")}:${text.toString("base64")}`;
}

/** `base64(JSON)`, which anybody can write. */
export const unprotected = (session) => Buffer.from(JSON.stringify(session)).toString("base64");

/** What stood in the old application's session, `sid` being the backend's id of it. */
export function oldSession(sid, { more = {}, ...user } = {}) {
  const now = Date.now();
  return {
    user: {
      sub: "auth0|somebody", email: "somebody@elsewhere.test", name: "Somebody Ünïcode", needsOnboarding: true,
      onboardingCompleted: false, tenantId: "11111111-1111-4111-8111-111111111111", subscriptionPlan: "free", ...user,
    },
    idToken: "none", sessionToken: sid, createdAt: now - 86_400_000, expiresAt: now + 86_400_000, ...more,
  };
}

/** Characters of the largest cookie; a browser drops what is longer than 4096 with its name. */
const LARGEST = 3800;

/** A session cookie that is as long as it may be. */
export function largest(sid) {
  const value = (size) => encodeURIComponent(sealed(oldSession(sid, { picture: "p".repeat(size) })));
  // From above; sixteen bytes are one block of the cipher.
  for (let size = 2700; size >= 0; size -= 16) if (value(size).length <= LARGEST) return value(size);
  throw new Error("the session does not fit");
}

/** What must stay: what a person has chosen, a sign-in under way, what is not ours. */
export const STAYS = {
  theme: "dark", "ui-scale": "1.25", "sidebar-collapsed": "true", i18nextLng: "de", csrftoken: "c3".repeat(16), admin_token: "a",
  cf_clearance: "x", auth0_state: "s", oauth_provider: "google", basket: "3-apples",
};

/** What claims to know about onboarding, plan and tenant, and contradicts itself. */
const CLAIMS = {
  onboardingStatus: "not_started", onboardingCompleted: "true", onboardedStatus: "NOT_STARTED", onboardingStep: "business_info",
  businessInfoCompleted: "true", onboarding_just_completed: "false", setupCompleted: "false", setupProgress: "40",
  subscriptionPlan: "free", subscriptionCompleted: "true", tenantId: "22222222-2222-4222-8222-222222222222",
  tenant_id: "11111111-1111-4111-8111-111111111111", businessName: "Somebody%20Ltd", userEmail: "somebody%40elsewhere.test",
  userRole: "owner", hasSession: "true", session_pending: "true",
  onboarding_status: encodeURIComponent(JSON.stringify({ needsOnboarding: true, onboardingCompleted: true })),
};

/** The largest legitimate jar: the session, the claims, and what must stay; some of it also on the shared domain. */
export const fullJar = (sid) => [
  // Older ones first: that is how a browser sends them.
  ["session_token", NOBODY, SHARED],
  ["onboardingCompleted", "false", SHARED],
  ["tenantId", NOBODY, SHARED],
  ["dott_auth_session", largest(sid)],
  ["session_token", sid],
  ...Object.entries(CLAIMS),
  ...Object.entries(STAYS),
];

/** Puts cookies ([name, value, domain]) into somebody's browser; without a domain they are the host's alone. */
export function carries(visitor, jar) {
  const { host } = visitor.site;
  return visitor.context.addCookies(jar.map(([name, value, domain = host]) => ({ name, value, domain, path: "/", secure: true })));
}

/** The cookies in somebody's browser, without those of the gateway's own that last for seconds: their names, in order. */
export async function names(visitor) {
  return (await visitor.context.cookies()).map((one) => one.name).filter((name) => !name.startsWith("__Host-sidgate-")).sort();
}

/** Holds to what a browser is left with. One answer takes so many cookies away and no more; the rest goes with the next ones. */
export async function isLeftWith(visitor, wanted) {
  for (let answers = 0; answers < 3 && (await names(visitor)).length > wanted.length; answers += 1) {
    await visitor.fetches("/api/auth/session-v2");
  }
  assert.deepEqual(await names(visitor), wanted);
}

/** Those that a browser is left with, and its session. */
export const LEFT = Object.keys(STAYS).sort();
export const SIGNED_IN = [...LEFT, "sid"].sort();

/** A session that somebody had with the old application: its id. */
export const oldSessionOf = (site, who) => site.django.begins(ADDRESS[who]);
