// A Django of its own: the demo's project, with a database, secrets and settings that a test chooses.
import { createHash } from "node:crypto";
import { join } from "node:path";
import { freePorts, PYTHON, ROOT, run, Service } from "./process.js";

const BACKEND = join(ROOT, "deploy/demo/backend");

export class Django {
  /** `env`: SIDGATE_GATEWAY_KEY and DEMO_KEY, and whatever the demo's settings read. */
  constructor(folder, name, env) {
    this.log = join(folder, `${name}.log`);
    this.env = { DEMO_DB: join(folder, `${name}.sqlite3`), ...env };
    this.key = env.SIDGATE_GATEWAY_KEY;
  }

  manage(...args) {
    return run(PYTHON, ["manage.py", ...args], { cwd: BACKEND, env: this.env });
  }

  /** Also once more after `stop`, on the same port and with the same people. */
  async start() {
    if (!this.url) {
      const [port] = await freePorts(1);
      this.env.DEMO_DJANGO_PORT = String(port);
      await this.manage("migrate", "--no-input");
      await this.manage("seed_demo");
      this.url = `http://127.0.0.1:${port}`;
    }
    const gunicorn = ["-m", "gunicorn", "--chdir", BACKEND, "--config", join(BACKEND, "gunicorn.conf.py")];
    this.service = new Service(PYTHON, gunicorn, this.log, this.env);
    await this.service.ready(() => fetch(`${this.url}/api/sessions/current/`));
  }

  /** Ends a session, past the gateway. */
  revoke(sid) {
    return revoke(this, sid);
  }

  /** A session begun past the gateway, as the application did before there was one: its id. */
  async begins(email, password = "correct horse") {
    const headers = { "Content-Type": "application/json", "X-Gateway-Key": this.key };
    const answer = await fetch(`${this.url}/api/sessions/`, { method: "POST", headers, body: JSON.stringify({ email, password }) });
    if (answer.status !== 201) throw new Error(`Django answered ${answer.status} to a sign-in`);
    return (await answer.json()).sid;
  }

  /** Whose session it is, past the gateway: an address, or null. */
  async whose(sid) {
    return (await current(this, sid)).user?.email ?? null;
  }

  stop() {
    return this.service?.stop();
  }
}

/** What a Django ({url, key}) says of a session, past the gateway. */
export async function current({ url, key }, sid) {
  const headers = { "X-Gateway-Key": key, Authorization: `Session ${sid}` };
  return (await fetch(`${url}/api/sessions/current/`, { headers })).json();
}

/** Ends a session at a Django ({url, key}), past the gateway. */
export async function revoke({ url, key }, sid) {
  const answer = await fetch(`${url}/api/sessions/revoke/`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Gateway-Key": key },
    body: JSON.stringify({ sid_sha256: [createHash("sha256").update(sid).digest("hex")] }),
  });
  const { revoked } = await answer.json();
  if (revoked?.length !== 1) throw new Error(`Django answered ${answer.status} and ended ${revoked?.length} sessions`);
}
