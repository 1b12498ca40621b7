// Two instances of the real Next.js, redeployed one after the other under a steady load.
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { Agent, request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { freePorts, ROOT, run, Service, sleep, until } from "../lib/process.js";
import { gatewayProgram } from "../lib/stack.js";

const FRONTEND = join(ROOT, "deploy/demo/frontend");
const PREPARE = "set -eu; with_gateway=''; . deploy/demo/common.sh; . deploy/demo/prepare.sh; mkdir -p \"$RUN\"; prepare_frontend";

/** What is asked ever so often: once in so many milliseconds. */
const STEADY = [["GET", "/api/whoami", 40], ["GET", "/", 200], ["POST", "/api/whoami", 50]];

describe("Next.js in two instances", { concurrency: false }, () => {
  const instances = [];
  let folder, gateway, site, admin;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "sidgate-redeploy-"));
    const [https, operators, ...ports] = await freePorts(4);
    site = https;
    admin = `http://127.0.0.1:${operators}`;
    const [program] = await Promise.all([
      gatewayProgram(),
      run("certs/dev.sh", ["--out", join(folder, "certs")]),
      run("bash", ["-c", PREPARE]),
    ]);
    instances.push(...ports.map((port) => new Instance(port, folder)));
    await Promise.all(instances.map((instance) => instance.start()));
    const config = join(folder, "gateway.toml");
    await writeFile(config, configuration({ https, operators, ports }));
    const env = { SIDGATE_GATEWAY_KEY: "nobody is asked in this suite" };
    gateway = new Service(program, ["run", "--config", config], join(folder, "gateway.log"), env);
    await gateway.ready(async () => (await fetch(`${admin}/readyz`)).ok);
  }, { timeout: 300_000 });

  after(async () => {
    await gateway?.stop();
    await Promise.all(instances.map((instance) => instance.service?.stop()));
    await rm(folder, { recursive: true, force: true });
  }, { timeout: 60_000 });

  const up = async () => (await (await fetch(`${admin}/readyz`)).json()).upstreams.nextjs.up;

  test("a redeployment of both, one after the other, loses no request that could be sent again", { timeout: 90_000 }, async (t) => {
    const load = new Load(site);
    load.start();
    await sleep(2000);
    for (const instance of instances) {
      assert.equal(await instance.service.stop(), 143, "Next.js ends by itself once what is open has ended");
      await sleep(500);
      await instance.start();
      await until(async () => (await up()) === 2, "the gateway has noticed that it is back");
      await sleep(500);
    }
    await load.stop();

    const answers = load.answers;
    const lost = (method) => answers.filter((one) => one.method === method && one.error);
    const tally = ["GET", "POST"].map((method) => {
      const all = answers.filter((one) => one.method === method);
      return `${method}: ${all.length} sent, ${lost(method).length} lost`;
    });
    const metrics = await (await fetch(`${admin}/metrics`)).text();
    t.diagnostic([...tally, metrics.match(/^sidgate_upstream_retries_total \d+/m)[0]].join("; "));
    assert.ok(answers.length > 200, `${answers.length} answers`);
    assert.deepEqual(lost("GET"), [], "a GET may be sent again");
    // A POST that reached nobody is sent elsewhere. One that was sent and not read when the instance closed its
    // connections may be lost: whether it was done, nobody knows. Mostly there is none of these.
    assert.deepEqual(lost("POST").filter((one) => one.error !== "upstream_broken"), []);
  });

  test("with both stopped it says so, and with one of them back it answers", { timeout: 60_000 }, async () => {
    await Promise.all(instances.map((instance) => instance.service.stop()));
    const load = new Load(site);
    const gone = await load.ask("GET", "/api/whoami");
    assert.equal(gone.error, "upstream_unreachable");
    assert.ok((await fetch(`${admin}/readyz`)).ok, "the gateway itself is as ready as ever");
    await instances[0].start();
    for (let i = 0; i < 5; i++) assert.equal((await load.ask("GET", "/api/whoami")).status, 200);
    await load.stop();
  });
});

/** `next start` on a port. */
class Instance {
  constructor(port, folder) {
    this.port = port;
    this.folder = folder;
  }

  async start() {
    const next = join(FRONTEND, "node_modules/next/dist/bin/next");
    const args = [next, "start", FRONTEND, "--hostname", "127.0.0.1", "--port", String(this.port), "--keepAliveTimeout", "65000"];
    const env = { NEXT_TELEMETRY_DISABLED: "1", NODE_ENV: "production" };
    this.service = new Service("node", args, join(this.folder, `next-${this.port}.log`), env);
    await this.service.ready(async () => (await fetch(`http://127.0.0.1:${this.port}/api/whoami`)).ok);
  }
}

/** An open loop: a request goes out when it is due, whatever became of those before. */
class Load {
  constructor(port) {
    this.port = port;
    this.answers = [];
    this.timers = [];
    this.agent = new Agent({ keepAlive: true, rejectUnauthorized: false });
  }

  start() {
    this.open = new Set();
    for (const [method, path, every] of STEADY) {
      this.timers.push(setInterval(() => {
        const asked = this.ask(method, path).then((answer) => {
          this.answers.push(answer);
          this.open.delete(asked);
        });
        this.open.add(asked);
      }, every));
    }
  }

  async stop() {
    this.timers.forEach(clearInterval);
    await Promise.all(this.open ?? []);
    this.agent.destroy();
  }

  /** An error is the gateway's own, or that of the connection. What Next.js says, whatever it is, is an answer. */
  ask(method, path) {
    return new Promise((done) => {
      const options = { host: "localhost", port: this.port, agent: this.agent, method, path, headers: { Accept: "application/json" } };
      const failed = (error) => done({ method, path, error: error.code ?? error.message });
      const asked = request(options, (answer) => {
        let text = "";
        answer.on("data", (chunk) => (text += chunk));
        answer.on("error", failed);
        answer.on("end", () => {
          const error = answer.statusCode >= 500 ? (code(text) ?? `status ${answer.statusCode}`) : undefined;
          done({ method, path, status: answer.statusCode, ...(error && { error }) });
        });
      });
      asked.on("error", failed);
      asked.end(method === "POST" ? "a body" : undefined);
    });
  }
}

function code(text) {
  try {
    return JSON.parse(text).error.code;
  } catch {
    return undefined;
  }
}

function configuration({ https, operators, ports }) {
  return `
[admin]
listen = "127.0.0.1:${operators}"
[[listener]]
address = "127.0.0.1:${https}"
[[certificate]]
chain = "certs/dev.pem"
key = "certs/dev.key"
[backend]
gateway_key = "\${SIDGATE_GATEWAY_KEY}"
[upstream.nextjs]
urls = [${ports.map((port) => `"http://127.0.0.1:${port}"`).join(", ")}]
pool_idle_timeout = "60s"
[upstream.nextjs.health]
path = "/api/whoami"
interval = "500ms"
[[route]]
path = "/{*rest}"
access = "public"
upstream = "nextjs"
[[route]]
path = "/auth/signin"
access = "public"
upstream = "nextjs"
`;
}
