// `sidgate dev` in front of the real `next dev`, in a browser that trusts the development authority and nothing more.
import assert from "node:assert/strict";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after } from "node:test";
import { launch, suite } from "../lib/browser.js";
import { freePorts, ROOT, run, Service, until } from "../lib/process.js";
import { gatewayProgram } from "../lib/stack.js";

const FRONTEND = join(ROOT, "deploy/demo/frontend");

const desk = {
  async start() {
    // On the disk of the original, so that its packages can be linked; Turbopack follows no symbolic link out of a project.
    await mkdir(join(ROOT, "deploy/demo/.run"), { recursive: true });
    this.folder = await mkdtemp(join(ROOT, "deploy/demo/.run/dev-"));
    this.app = join(this.folder, "app");
    const except = ["node_modules", ".next", "next-env.d.ts"].map((name) => join(FRONTEND, name));
    await cp(FRONTEND, this.app, { recursive: true, filter: (path) => !except.includes(path) });
    await run("cp", ["-al", join(FRONTEND, "node_modules"), join(this.app, "node_modules")]);
    const [https, admin, next] = await freePorts(3);
    Object.assign(this, { url: `https://localhost:${https}`, port: https, next });
    const listen = ["--https", `127.0.0.1:${https}`, "--admin", `127.0.0.1:${admin}`];
    const args = ["dev", "--upstream", `http://localhost:${next}`, "--as", "newbie", "--ca", join(this.folder, "ca"), ...listen];
    this.gateway = new Service(await gatewayProgram(), args, join(this.folder, "log"), { HOME: this.folder });
    await this.gateway.ready(async () => (await fetch(`http://127.0.0.1:${admin}/readyz`)).ok);
    await this.trust();
  },
  /** The command that the terminal prints, for a list of this browser's own. */
  async trust() {
    const printed = this.gateway.output.match(/^ +Chromium +certutil (.*)$/m)[1].replace("$HOME", this.folder);
    await mkdir(join(this.folder, ".pki/nssdb"), { recursive: true });
    await run("certutil", ["-d", `sql:${this.folder}/.pki/nssdb`, "-N", "--empty-password"]);
    await run("certutil", printed.split(" "));
  },
  async open() {
    return (this.browser ??= await launch({ HOME: this.folder }));
  },
  startNext() {
    const program = join(this.app, "node_modules/next/dist/bin/next");
    const args = [program, "dev", this.app, "--hostname", "127.0.0.1", "--port", String(this.next)];
    // As the terminal says it.
    const [, keys] = this.gateway.output.match(/SIDGATE_JWKS_URL=(\S+)/);
    const env = { NEXT_TELEMETRY_DISABLED: "1", SIDGATE_JWKS_URL: keys };
    this.application ??= new Service("node", args, join(this.folder, "next.log"), env);
  },
  async edit(path, from, to) {
    const file = join(this.app, path);
    const text = await readFile(file, "utf8");
    assert.ok(text.includes(from));
    await writeFile(file, text.replace(from, to));
  },
  says: (text) => until(() => desk.gateway.output.includes(text), `the terminal says: ${text}`),
  async stop() {
    await this.browser?.close();
    await Promise.all([this.application?.stop(), this.gateway?.stop()]);
    await rm(this.folder, { recursive: true, force: true, maxRetries: 3 });
  },
};

after(() => desk.folder && desk.stop(), { timeout: 60_000 });

suite("sidgate dev", desk, (promise) => {
  const strict = { ignoreHTTPSErrors: false };

  promise("waits for next dev, and shows the page as soon as it is there", async (visitor) => {
    const answer = await visitor.page.goto("/");
    assert.equal(answer.status(), 502);
    await visitor.page.getByText("npm run dev").waitFor();
    await visitor.picture("dev waiting");
    await desk.says("does not answer yet: start it with `npm run dev`");
    desk.startNext();
    // Nobody reloads; and nobody has signed in either.
    await visitor.get("home-user").waitFor({ timeout: 50_000 });
    await visitor.reads("home-user", "3");
    await desk.says(`http://localhost:${desk.next} answers`);
    await desk.says("signed in as newbie@example.test because of --as");
    assert.equal(desk.gateway.output.match(/does not answer yet: start it/g).length, 2, "once at the start, once here");
  }, strict);

  promise("is trusted under every name below localhost, and by nobody who was not told to", async (visitor) => {
    for (const host of ["acme.localhost", "newco.localhost", "acme.app.localhost"]) {
      const answer = await visitor.page.goto(`https://${host}:${desk.port}/favicon.ico`);
      assert.equal(answer.status(), 200, host);
    }
    const stranger = await launch();
    try {
      const page = await stranger.newPage({ ignoreHTTPSErrors: false });
      await assert.rejects(page.goto(desk.url), /ERR_CERT_AUTHORITY_INVALID/);
    } finally {
      await stranger.close();
    }
  }, strict);

  promise("changes the page while it is open", async (visitor) => {
    const sockets = [];
    visitor.page.on("websocket", (socket) => sockets.push(socket.url()));
    await visitor.page.goto("/");
    await until(() => sockets.length > 0, "the socket of hot reloading is open");
    assert.match(sockets[0], new RegExp(`^wss://localhost:${desk.port}/_next/`));
    await visitor.page.evaluate(() => (window.kept = true));
    const asked = await visitor.counting(async () => {
      await desk.edit("app/page.tsx", "Behind the gateway", "Edited behind the gateway");
      await visitor.page.getByRole("heading", { name: "Edited behind the gateway" }).waitFor();
    });
    assert.equal(await visitor.page.evaluate(() => window.kept), true, "without a reload");
    assert.deepEqual(asked.documents, []);
  }, strict);

  promise("explains where it sends people", async (visitor) => {
    await visitor.page.goto("/acme/dashboard");
    await visitor.arrives("/onboarding");
    await desk.says(
      "GET /acme/dashboard -> 302 /onboarding because the user is not through with onboarding " +
        "(the route /{tenant}/dashboard/{*rest} is `onboarded`)",
    );
    assert.ok(!desk.gateway.output.includes("/_next/"), "files are not explained");
  }, strict);

  promise("makes one somebody else, elsewhere, at another step", async (visitor) => {
    await visitor.page.goto("/__sidgate/");
    await visitor.reads("dev-who", "nobody");
    await visitor.get("dev-carol").click();
    await visitor.reads("dev-who", "carol@acme.test at acme");
    await visitor.get("dev-globex").click();
    await visitor.reads("dev-who", "carol@acme.test at globex");
    await visitor.page.goto("/acme/dashboard");
    await visitor.arrives("/globex/dashboard");
    await visitor.reads("dashboard-title", "globex");
    await visitor.page.goto("/__sidgate/");
    await visitor.get("dev-needed").click();
    await visitor.page.goto("/globex/dashboard");
    await visitor.arrives("/onboarding");
    await visitor.page.goto("/__sidgate/");
    await visitor.get("dev-complete").click();
    await visitor.get("dev-decisions").waitFor();
    await visitor.picture("dev switcher");
    await visitor.get("dev-revoke-it").click();
    await visitor.get("dev-doubt").waitFor();
    await visitor.page.goto("/globex/dashboard");
    await visitor.arrives("/auth/signin");
  }, strict);

  promise("has a button for the application's own pages", async (visitor) => {
    await visitor.page.goto("/");
    await visitor.page.addScriptTag({ url: "/__sidgate/button.js" });
    await visitor.page.getByRole("button", { name: /Switch user/ }).click();
    const panel = visitor.page.frameLocator("iframe[title='sidgate dev']");
    await panel.getByTestId("dev-bob").waitFor();
    await visitor.picture("dev button");
    await panel.getByTestId("dev-bob").click();
    await visitor.reads("home-user", "2");
    assert.equal(visitor.at, "/");
  }, strict);
});
