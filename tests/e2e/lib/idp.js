// A small identity provider: authorization code flow with PKCE (RFC 6749, RFC 7636) and token introspection (RFC 7662).
// People, tokens and codes live in memory. By hand: `node tests/e2e/lib/idp.js 9000`, and start the demo with what it prints.
import { createHash, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";

const CLIENT = "sidgate-demo";
/** Who may be chosen on its sign-in page. */
const PEOPLE = {
  alice: { email: "alice@acme.test", email_verified: true },
  newbie: { email: "newbie@example.test", email_verified: true },
  stranger: { email: "stranger@elsewhere.test", email_verified: true },
  mallory: { email: "alice@acme.test", email_verified: false },
};

export class IdentityProvider {
  secret = randomBytes(16).toString("hex");
  codes = new Map();
  tokens = new Map();
  /** Paths that are answered with 503. */
  down = [];

  async start(port = 0) {
    this.server = createServer((request, answer) => {
      this.answer(request, answer).catch((error) => answer.writeHead(500).end(String(error)));
    });
    await new Promise((done, fail) => this.server.on("error", fail).listen(port, "127.0.0.1", done));
    this.url = `http://127.0.0.1:${this.server.address().port}`;
    this.env = { DEMO_IDP_URL: this.url, DEMO_IDP_SECRET: this.secret };
  }

  stop() {
    this.server?.closeAllConnections();
    return new Promise((done) => (this.server ? this.server.close(done) : done()));
  }

  /** An access token, as an application gets one; of providers that make them so, a JWT (RFC 9068). */
  issue(who, { client = CLIENT, jwt = false } = {}) {
    const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const exp = Math.floor(Date.now() / 1000) + 3600;
    const token = jwt ? `${part({ alg: "RS256", typ: "at+jwt" })}.${part({ iss: this.url, sub: who, exp })}.${secret()}` : secret();
    this.tokens.set(token, { active: true, client_id: client, sub: who, ...PEOPLE[who] });
    return token;
  }

  async answer(request, answer) {
    const { pathname, searchParams } = new URL(request.url, this.url);
    const json = (status, body) =>
      answer.writeHead(status, { "Content-Type": "application/json", "Cache-Control": "no-store" }).end(JSON.stringify(body));
    if (this.down.includes(pathname)) return json(503, { error: "temporarily_unavailable" });
    const form = request.method === "POST" ? new URLSearchParams(await text(request)) : null;
    switch (`${request.method} ${pathname}`) {
      case "GET /authorize":
        return answer.writeHead(200, { "Content-Type": "text/html; charset=utf-8" }).end(page(searchParams));
      case "POST /authorize": {
        const back = new URL(form.get("redirect_uri"));
        back.searchParams.set("state", form.get("state"));
        if (form.get("who") === "nobody") {
          back.searchParams.set("error", "access_denied");
        } else {
          const code = secret();
          this.codes.set(code, Object.fromEntries(form));
          back.searchParams.set("code", code);
        }
        return answer.writeHead(303, { Location: back.href }).end();
      }
      case "POST /token": {
        const asked = this.codes.get(form.get("code"));
        this.codes.delete(form.get("code"));
        const challenge = createHash("sha256").update(form.get("code_verifier") ?? "").digest("base64url");
        const good = asked && asked.client_id === form.get("client_id") && asked.redirect_uri === form.get("redirect_uri")
          && form.get("grant_type") === "authorization_code" && asked.code_challenge === challenge;
        if (!good) return json(400, { error: "invalid_grant" });
        return json(200, { access_token: this.issue(asked.who), token_type: "Bearer", expires_in: 300 });
      }
      case "POST /introspect": {
        const [scheme, credentials] = (request.headers.authorization ?? "").split(" ");
        const wanted = Buffer.from(`${CLIENT}:${this.secret}`).toString("base64");
        if (scheme !== "Basic" || credentials !== wanted) return json(401, { error: "invalid_client" });
        return json(200, this.tokens.get(form.get("token")) ?? { active: false });
      }
      case "GET /favicon.ico":
        return answer.writeHead(204).end();
      default:
        return json(404, { error: "not_found" });
    }
  }
}

/** A button for each person; everything else of the request comes along. */
function page(query) {
  if (query.get("client_id") !== CLIENT || query.get("code_challenge_method") !== "S256" || !query.get("state")) {
    return "<h1>This application is not known here.</h1>";
  }
  const hidden = [...query].map(([name, value]) => `<input type="hidden" name="${escape(name)}" value="${escape(value)}">`);
  const buttons = [...Object.keys(PEOPLE), "nobody"].map((who) => `<p><button name="who" value="${who}">Continue as ${who}</button>`);
  return `<!doctype html><title>Example ID</title><meta name="referrer" content="no-referrer">
<h1>Example ID</h1><form method="post" action="/authorize">${hidden.join("")}${buttons.join("")}</form>`;
}

const secret = () => randomBytes(24).toString("base64url");
const escape = (text) => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

async function text(request) {
  let body = "";
  for await (const chunk of request) body += chunk;
  return body;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const provider = new IdentityProvider();
  await provider.start(Number(process.argv[2] ?? 0));
  console.log(`${Object.entries(provider.env).map(([name, value]) => `${name}=${value}`).join(" ")} deploy/demo/start`);
}
