// The promises, kept in a real browser. One process, so that the parts are started once: `npm test`, or
// `node --test --test-name-pattern="signs in" all.js` for some of them.
import "./next/sign-in.js";
import "./next/onboarding.js";
import "./next/tenants.js";
import "./next/tenant-hosts.js";
import "./next/second-factor.js";
import "./next/oauth.js";
import "./next/sign-up.js";
import "./next/sign-out.js";
import "./next/identity.js";
import "./next/kit.js";
import "./next/application.js";
import "./next/revocation.js";
import "./next/backend-down.js";
import "./next/existing-middleware.js";
import "./next/next-requests.js";
import "./next/redeploy.js";
import "./sessions/all.js";
import "./legacy/all.js";
import "./demo/demo.js";
import "./dev/dev.js";
