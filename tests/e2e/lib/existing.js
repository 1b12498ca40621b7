// Applications that were there before the gateway, and keep their middleware: one per version of Next.js, with the real
// Django behind the gateway. Three gateways stand in front of each: `preset` as the README says; `legacy`, which migrates its
// cookies as well; and `blind`, with routes written by hand and neither forward_sid nor session_cookies: the application
// does not see the cookie that it looks for.
import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { suite } from "./browser.js";
import { Django } from "./django.js";
import { configuration, SECRET } from "./legacy.js";
import { freePorts, ROOT, run, Service } from "./process.js";
import { gatewayProgram } from "./stack.js";

const APPS = join(ROOT, "tests/e2e/apps");

const HEAD = {
  preset: 'preset = "existing-nextjs"\n',
  legacy: 'preset = "existing-nextjs"\n',
  blind: "",
};

const ROUTES = {
  preset: "",
  legacy: configuration("enforce", "legacy-key"),
  blind: `
[pages]
next_parameter = "returnTo"
home = "/{tenant_id}/dashboard"
${[
    ["/{*rest}", "optional"], ["/_next/{*rest}", "public"], ["/auth/signin", "guest"], ["/dashboard/{*rest}", "signed_in"],
    ["/tenant/{*rest}", "signed_in"], ["/settings/{*rest}", "signed_in"], ["/{tenant:uuid}/{*rest}", "signed_in"],
  ].map(([path, access]) => `[[route]]\npath = "${path}"\naccess = "${access}"\nkind = "page"\nupstream = "nextjs"\n`).join("")}`,
};

/** What all of them share: a folder, certificates, a key, Django. */
class Shared {
  async start() {
    this.folder = await mkdtemp(join(tmpdir(), "sidgate-existing-"));
    this.key = randomBytes(32).toString("hex");
    await writeFile(join(this.folder, "legacy-key"), SECRET);
    await run(join(APPS, "prepare"), []);
    this.django = new Django(this.folder, "django", { SIDGATE_GATEWAY_KEY: this.key, DEMO_KEY: randomBytes(32).toString("hex") });
    const certificates = run("certs/dev.sh", ["--out", join(this.folder, "certs")]);
    [this.program] = await Promise.all([gatewayProgram(), certificates, this.django.start()]);
  }

  async stop() {
    await this.django?.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}

const shared = new Shared();
let started;
const running = [];

after(async () => {
  if (!started) return;
  await started.catch(() => {});
  await Promise.all(running.map((one) => one.stop()));
  await shared.stop();
}, { timeout: 90_000 });

/** One version of Next.js, and its gateways. */
class Existing {
  constructor(version) {
    this.version = version;
    this.gateways = {};
  }

  start() {
    return (this.started ??= this.run());
  }

  async run() {
    await (started ??= shared.start());
    running.push(this);
    const place = join(APPS, `.build/next${this.version}`);
    const [next] = await freePorts(1);
    this.next = `http://127.0.0.1:${next}`;
    const args = [join(place, "node_modules/next/dist/bin/next"), "start", place, "--hostname", "127.0.0.1", "--port", String(next)];
    const log = join(shared.folder, `next${this.version}.log`);
    this.service = new Service(process.execPath, args, log, { NEXT_TELEMETRY_DISABLED: "1" });
    await Promise.all([this.service.ready(() => fetch(`${this.next}/`)), ...Object.keys(HEAD).map((kind) => this.startGateway(kind))]);
  }

  async startGateway(kind) {
    const [https, admin] = await freePorts(2);
    const config = join(shared.folder, `next${this.version}-${kind}.toml`);
    await writeFile(config, `${HEAD[kind]}
[admin]
listen = "127.0.0.1:${admin}"
[[listener]]
address = "127.0.0.1:${https}"
[[certificate]]
chain = "certs/dev.pem"
key = "certs/dev.key"
[backend]
url = "${shared.django.url}"
gateway_key = "\${SIDGATE_GATEWAY_KEY}"
idle_timeout = "60s"
[session]
ttl = "1s"                     # how soon a revocation shows, and how often a session is asked about
refresh_ahead = "0s"
[sign_in]
per_client = "50/s"
per_email = "50/s"
[upstream.nextjs]
url = "${this.next}"
${ROUTES[kind]}`);
    const env = { SIDGATE_GATEWAY_KEY: shared.key };
    await run(shared.program, ["check", "--config", config], { env });
    const service = new Service(shared.program, ["run", "--config", config], join(shared.folder, `next${this.version}-${kind}.log`), env);
    await service.ready(async () => (await fetch(`http://127.0.0.1:${admin}/readyz`)).ok);
    this.gateways[kind] = new Gateway(service, { https, admin, next: this.next });
  }

  async stop() {
    await Promise.all([this.service, ...Object.values(this.gateways).map((one) => one.service)].map((one) => one?.stop()));
  }
}

class Gateway {
  constructor(service, { https, admin, next }) {
    this.service = service;
    this.url = `https://localhost:${https}`;
    this.next = next;
    this.admin = `http://127.0.0.1:${admin}`;
  }

  async metric(name) {
    const text = await (await fetch(`${this.admin}/metrics`)).text();
    return Number(text.match(new RegExp(`^${name} (\\d+)$`, "m"))[1]);
  }

  /** Lets all sessions' time run out in Django. */
  async expire() {
    const code = "from sidgate_django.models import Session; from django.utils import timezone; Session.objects.update(expires_at=timezone.now())";
    await shared.django.manage("shell", "-c", code);
  }

  revoke(sid) {
    return shared.django.revoke(sid);
  }

  get django() {
    return shared.django;
  }
}

const versions = new Map();

/** Promises of a gateway in front of an application with a middleware of its own, on one version of Next.js. */
export function inFrontOf(version, kind, name, body) {
  if (!versions.has(version)) versions.set(version, new Existing(version));
  const existing = versions.get(version);
  const gateway = () => existing.gateways[kind];
  const site = {
    get url() {
      return gateway().url;
    },
    host: "localhost",
    get django() {
      return shared.django;
    },
    start: () => existing.start(),
  };
  suite(`${name} (Next.js ${version})`, site, (promise) => body(promise, gateway));
}

