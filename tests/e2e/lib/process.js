// Programs, ports and waiting.
import { spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { createServer } from "node:net";
import { dirname, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

export { sleep };

export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "../../..");

/** Ports that are free now; all are held until the last one is known, so that none comes twice. */
export async function freePorts(count) {
  const servers = await Promise.all(
    Array.from({ length: count }, () => new Promise((done, fail) => {
      const server = createServer();
      server.on("error", fail);
      server.listen(0, "127.0.0.1", () => done(server));
    })),
  );
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  return ports;
}

/** Runs a program to its end and gives what it printed; fails when it does. */
export function run(program, args, { env = {}, cwd = ROOT } = {}) {
  return new Promise((done, fail) => {
    const child = spawn(program, args, { cwd, env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (output += text));
    child.on("error", fail);
    // "exit" and not "close": what deploy/demo/start leaves running need not let go of the pipes.
    child.on("exit", (code) => (code === 0 ? done(output) : fail(new Error(`${program} ended with ${code}:\n${output}`))));
  });
}

/** A program that runs until it is told to stop, its output in a file. */
export class Service {
  constructor(program, args, log, env = {}) {
    this.name = program;
    this.child = spawn(program, args, { cwd: ROOT, env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
    const file = createWriteStream(log);
    this.output = "";
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream.on("data", (text) => (this.output += text));
      stream.pipe(file, { end: false });
    }
    this.ended = new Promise((done) => this.child.on("exit", (code) => done(code)));
    this.child.on("error", (error) => (this.output += error));
  }

  async ready(probe) {
    const ended = this.ended.then((code) => {
      throw new Error(`${this.name} ended with ${code}:\n${this.output}`);
    });
    ended.catch(() => {});
    await Promise.race([until(probe, `${this.name} answers`, 30_000), ended]);
  }

  async stop() {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill("SIGTERM");
    return this.ended;
  }
}

/** Asks again and again until the answer is true-ish, and gives it. */
export async function until(probe, what, limit = 15_000) {
  const end = Date.now() + limit;
  let last;
  while (Date.now() < end) {
    try {
      const answer = await probe();
      if (answer) return answer;
    } catch (error) {
      last = error;
    }
    await sleep(100);
  }
  throw new Error(`waited ${limit} ms in vain until: ${what}${last ? ` (${last.message})` : ""}`);
}

/** The demo's applications on the versions that are tried: the newest, or with SIDGATE_E2E_PAIR=oldest the oldest supported. */
export const OLDEST = process.env.SIDGATE_E2E_PAIR === "oldest";
const BUILD = join(ROOT, "tests/e2e/apps/.build");
export const APPLICATIONS = OLDEST ? { DEMO_VENV: join(BUILD, "oldest-venv"), DEMO_FRONTEND: join(BUILD, "oldest") } : {};
export const PYTHON = join(APPLICATIONS.DEMO_VENV ?? join(ROOT, ".venv"), "bin/python");
