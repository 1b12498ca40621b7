// The real thing: Django, Next.js and `sidgate run` on free ports, with everything they write in a folder of its own.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sids } from "./browser.js";
import { Django, revoke } from "./django.js";
import { IdentityProvider } from "./idp.js";
import { overhear } from "./overhear.js";
import { APPLICATIONS, freePorts, OLDEST, ROOT, run, Service, until } from "./process.js";

const DEMO = join(ROOT, "deploy/demo");
const TARGET = process.env.CARGO_TARGET_DIR ?? join(ROOT, "target");

/** The gateway as cargo builds it for tests; SIDGATE names another one. */
export async function gatewayProgram() {
  if (process.env.SIDGATE) return process.env.SIDGATE;
  await run("cargo", ["build", "--quiet", "--bin", "sidgate"]);
  return join(TARGET, "debug/sidgate");
}

export class Stack {
  idp = new IdentityProvider();
  /** The sids that Django gave the application. */
  given = [];
  /** More gateways in front of the same. */
  others = [];

  async start() {
    this.folder = await mkdtemp(join(tmpdir(), "sidgate-e2e-"));
    const [https, admin, next, django] = await freePorts(4);
    this.url = `https://localhost:${https}`;
    this.next = `http://127.0.0.1:${next}`;
    this.django = `http://127.0.0.1:${django}`;
    await this.idp.start();
    this.between = await overhear(this.django, this.given);
    this.env = {
      DEMO_HTTPS_PORT: https, DEMO_ADMIN_PORT: admin, DEMO_NEXT_PORT: next, DEMO_DJANGO_PORT: django,
      DEMO_DJANGO_URL: this.between.url, ...this.idp.env, ...APPLICATIONS,
    };
    if (OLDEST) await run("tests/e2e/apps/prepare", ["oldest"]);
    const [program] = await Promise.all([
      gatewayProgram(),
      run("certs/dev.sh", ["--out", join(this.folder, "certs"), "app.shop.localhost"]),
      this.startApplications(),
    ]);
    this.key = (await readFile(join(this.folder, "gateway-key"), "utf8")).trim();
    const config = join(this.folder, "gateway.toml");
    const rendered = await readFile(config, "utf8");
    // One address signs in here more often in a minute than a whole office elsewhere.
    const limits = '[sign_in]\nper_client = "50/s"\nper_email = "50/s"\n';
    // Kept here: `start` writes the file anew whenever it starts something again.
    this.configuration = `${rendered.replaceAll(`${ROOT}/certs/`, `${this.folder}/certs/`)}\n${limits}`;
    const trail = `\n[audit.file]\npath = "${join(this.folder, "audit/audit.log")}"\nfsync = "1s"\n`;
    await writeFile(config, this.configuration + trail);
    this.program = program;
    // As deploy/demo/start does, which here starts no gateway.
    await run(program, ["keys", "new", "--config", config], { env: { SIDGATE_GATEWAY_KEY: this.key } });
    this.gateway = await this.startGateway("gateway", admin);
  }

  /** A gateway by the configuration of that name. */
  async startGateway(name, admin) {
    const config = join(this.folder, `${name}.toml`);
    const env = { SIDGATE_GATEWAY_KEY: this.key };
    await run(this.program, ["check", "--config", config], { env });
    const gateway = new Service(this.program, ["run", "--config", config], join(this.folder, `${name}.log`), env);
    await gateway.ready(async () => (await fetch(`http://127.0.0.1:${admin}/readyz`)).ok);
    return gateway;
  }

  /** One more gateway in front of the same applications, its configuration changed by `change(text)`; its port. */
  async another(name, change) {
    const [https, admin] = await freePorts(2);
    const moved = (text, [from, to]) => text.replaceAll(`:${from}"`, `:${to}"`);
    const ports = [[this.env.DEMO_HTTPS_PORT, https], [this.env.DEMO_ADMIN_PORT, admin]];
    await writeFile(join(this.folder, `${name}.toml`), change(ports.reduce(moved, this.configuration)));
    this.others.push(await this.startGateway(name, admin));
    return https;
  }

  /** Django and Next.js, or the one of them that does not run. */
  async startApplications() {
    await run(join(DEMO, "start"), ["--without-gateway", "--run-dir", this.folder], { env: this.env });
  }

  async stopDjango() {
    const [pid] = (await readFile(join(this.folder, "django.pid"), "utf8")).split("\n");
    process.kill(Number(pid), "SIGTERM");
    const listens = () => fetch(this.django).then(() => true, () => false);
    await until(async () => !(await listens()), "Django is gone");
  }

  /** Puts newbie back to the start of onboarding. */
  async resetNewbie() {
    await run(join(DEMO, "manage"), ["--run-dir", this.folder, "seed_demo", "--reset"], { env: this.env });
  }

  /** One more Django, with settings of its own (DEMO_...), which the application behind the gateway does not ask. */
  async anotherDjango(name, env) {
    const demo = (await readFile(join(this.folder, "demo-key"), "utf8")).trim();
    const django = new Django(this.folder, name, { SIDGATE_GATEWAY_KEY: this.key, DEMO_KEY: demo, ...env });
    this.others.push(django);
    await django.start();
    return django;
  }

  /** Ends a session in Django, past the gateway. */
  revoke(sid) {
    return revoke({ url: this.django, key: this.key }, sid);
  }

  /** Whether a sid is good in Django, past the gateway. */
  async knows(sid) {
    const headers = { "X-Gateway-Key": this.key, Authorization: `Session ${sid}` };
    return (await fetch(`${this.django}/api/sessions/current/`, { headers })).ok;
  }

  /** The audit trail of the whole run is whole, and holds nothing that would sign anybody in. */
  async checkTrail() {
    if (!this.gateway) return;
    const log = join(this.folder, "audit/audit.log");
    await run(this.program, ["audit", "verify", log]);
    const text = await readFile(log, "utf8");
    for (const secret of [...sids, "correct horse", "wrong horse"]) {
      if (text.includes(secret)) throw new Error("there is a sid or a password in the audit trail");
    }
  }

  async stop() {
    await Promise.all([this.gateway, ...this.others].map((gateway) => gateway?.stop()));
    await run(join(DEMO, "stop"), ["--run-dir", this.folder]);
    await this.checkTrail();
    await this.idp.stop();
    this.between?.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}
