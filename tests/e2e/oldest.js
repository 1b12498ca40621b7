// The promises of next/ and sessions/ once more, on the oldest versions that are supported: Django 4.2 and Next.js 15.
// `npm run oldest`; tests/e2e/apps/oldest has the versions.
process.env.SIDGATE_E2E_PAIR = "oldest";
// Imports come before that; so these wait.
await import("./next/sign-in.js");
await import("./next/onboarding.js");
await import("./next/tenants.js");
await import("./next/tenant-hosts.js");
await import("./next/second-factor.js");
await import("./next/oauth.js");
await import("./next/sign-up.js");
await import("./next/sign-out.js");
await import("./next/identity.js");
await import("./next/kit.js");
await import("./next/application.js");
await import("./next/revocation.js");
await import("./next/backend-down.js");
await import("./sessions/all.js");
