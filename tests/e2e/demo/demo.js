// `sidgate demo`: the same promises with nothing installed, and pages that a strict policy has nothing to say about.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { asks, suite } from "../lib/browser.js";
import { freePorts, Service, until } from "../lib/process.js";
import { gatewayProgram } from "../lib/stack.js";

const FORM = { email: "email", secret: "password", submit: "submit" };

const demo = {
  async start() {
    this.folder = await mkdtemp(join(tmpdir(), "sidgate-e2e-demo-"));
    const [https, admin] = await freePorts(2);
    this.url = `https://localhost:${https}`;
    const listen = ["--https", `127.0.0.1:${https}`, "--admin", `127.0.0.1:${admin}`];
    this.gateway = new Service(await gatewayProgram(), ["demo", ...listen], join(this.folder, "log"), { TMPDIR: this.folder });
    await this.gateway.ready(async () => (await fetch(`http://127.0.0.1:${admin}/readyz`)).ok);
  },
  async stop() {
    const code = await this.gateway?.stop();
    await rm(this.folder, { recursive: true, force: true });
    assert.equal(code, 0, "it ends well when it is told to");
  },
};

after(() => demo.folder && demo.stop(), { timeout: 60_000 });

suite("sidgate demo", demo, (promise) => {
  async function signsIn(visitor, who, home) {
    await visitor.page.goto("/auth/signin");
    await visitor.fillsIn(who, FORM);
    await visitor.arrives(home);
  }

  /** Nothing in the console but the answers that the test asked for. */
  function contented(visitor, expected = /^$/) {
    assert.deepEqual(visitor.complaints.filter((said) => !expected.test(said)), []);
  }

  promise("leads from a dashboard to sign-in and back, with buttons that fill in the form", async (visitor) => {
    await visitor.page.goto("/");
    await visitor.picture("demo start");
    await visitor.get("whoami").click();
    await visitor.page.getByText("401").first().waitFor();
    const asked = await visitor.counting(() => visitor.page.goto("/acme/dashboard"));
    assert.equal(asked.redirects, 1);
    await visitor.picture("demo sign-in");
    await visitor.get("fill-alice").click();
    await visitor.get("submit").click();
    await visitor.arrives("/acme/dashboard");
    await visitor.reads("tenant", "acme");
    await visitor.get("whoami").click();
    await visitor.page.getByTestId("whoami-answer").getByText("x-auth-tenant-slug").waitFor();
    await visitor.picture("demo dashboard");
    const [{ name, value, httpOnly, secure, sameSite }, ...more] = await visitor.context.cookies();
    assert.deepEqual([name, value.length, httpOnly, secure, sameSite, more.length], ["sid", 36, true, true, "Lax", 0]);
    // The 401 of the question that was asked signed out.
    contented(visitor, /status of 401 .*\/api\/whoami/);
  });

  promise("shows what was wrong with a sign-in", async (visitor) => {
    await visitor.page.goto("/auth/signin");
    await visitor.fillsIn("alice", { ...FORM, password: "wrong horse" });
    await visitor.page.getByText("E-mail address or password is wrong.").waitFor();
    contented(visitor, /status of 401/);
  });

  promise("takes a newcomer through onboarding once", async (visitor) => {
    await signsIn(visitor, "newbie", "/onboarding");
    await visitor.picture("demo onboarding");
    const before = await visitor.counting(() => visitor.page.goto("/acme/dashboard"));
    assert.deepEqual(before, { documents: ["/acme/dashboard", "/onboarding"], redirects: 1 });
    const finish = await visitor.counting(async () => {
      await visitor.get("company").fill("Newco");
      await visitor.get("finish").click();
      await visitor.arrives("/newco/dashboard");
    });
    assert.deepEqual(finish, { documents: ["/onboarding/finish", "/newco/dashboard"], redirects: 1 });
    const again = await visitor.counting(() => visitor.page.goto("/auth/signin"));
    assert.deepEqual(again, { documents: ["/auth/signin", "/newco/dashboard"], redirects: 1 });
    contented(visitor);
  });

  promise("sends people home from another company, and 403 to a fetch", async (visitor) => {
    await signsIn(visitor, "alice", "/acme/dashboard");
    await visitor.get("other-tenant").click();
    await visitor.page.waitForLoadState();
    await visitor.arrives("/acme/dashboard");
    assert.equal(await visitor.get("error").count(), 0);
    contented(visitor);
    const { status, json } = await visitor.fetches("/globex/dashboard");
    assert.deepEqual([status, json.error.code], [403, "other_tenant"]);
  });

  promise("sends live events", async (visitor) => {
    await signsIn(visitor, "bob", "/globex/dashboard");
    await visitor.get("live").click();
    await visitor.arrives("/globex/dashboard/live");
    const seen = await visitor.page.evaluate(() => new Promise((done) => {
      const count = document.getElementById("live-count");
      const seen = [];
      const watch = new MutationObserver(() => seen.push(Number(count.textContent)) === 5 && done(seen));
      watch.observe(count, { childList: true });
    }));
    assert.deepEqual(seen, seen.map((_, index) => seen[0] + index), "one by one");
    await visitor.reads("live-state", "open");
    await visitor.picture("demo live");
    contented(visitor);
  });

  promise("signs out for good", async (visitor) => {
    await signsIn(visitor, "bob", "/globex/dashboard");
    const { value: sid } = await visitor.cookie();
    await visitor.get("signout").click();
    await visitor.arrives("/auth/signin");
    assert.equal(await visitor.cookie(), undefined);
    await visitor.page.goBack();
    await visitor.arrives("/auth/signin");
    await until(async () => (await asks(demo, "/api/auth/session-v2", { sid })).status === 401, "the old cookie is refused", 1000);
    contented(visitor);
  });

  promise("signs people in without JavaScript", async (visitor) => {
    await visitor.page.goto("/acme/dashboard");
    await visitor.fillsIn("alice", FORM);
    await visitor.arrives("/acme/dashboard");
    await visitor.reads("tenant", "acme");
    await visitor.picture("demo without javascript");
    contented(visitor);
  }, { javaScriptEnabled: false });

  promise("asks for a second factor on the spot", async (visitor) => {
    await visitor.page.goto("/acme/dashboard/live");
    await visitor.fillsIn("dave", FORM);
    await visitor.get("code").fill("000000");
    await visitor.get("submit").click();
    await visitor.page.getByText("The code is wrong, or no longer good.").waitFor();
    await visitor.picture("demo second factor");
    await visitor.get("code").fill("123456");
    await visitor.get("submit").click();
    await visitor.arrives("/acme/dashboard/live");
    contented(visitor, /status of 401/);
  });

  promise("asks for a second factor without JavaScript", async (visitor) => {
    await visitor.page.goto("/acme/dashboard/live");
    await visitor.fillsIn("alice", { ...FORM, password: "wrong horse" });
    await visitor.reads("error", "E-mail or password is wrong.");
    await visitor.fillsIn("dave", FORM);
    await visitor.get("code").fill("000000");
    await visitor.fillsIn("dave", FORM);
    await visitor.reads("error", "The code is wrong, or no longer good.");
    await visitor.get("code").fill("123456");
    await visitor.fillsIn("dave", FORM);
    await visitor.arrives("/acme/dashboard/live");
    contented(visitor);
  }, { javaScriptEnabled: false });

  promise("looks as well in the dark and on a telephone", async (visitor) => {
    await signsIn(visitor, "alice", "/acme/dashboard");
    await visitor.picture("demo telephone");
    const { wide, seen } = await visitor.page.evaluate(() => ({ wide: document.documentElement.scrollWidth, seen: innerWidth }));
    assert.ok(wide <= seen, `nothing sticks out: ${wide} > ${seen}`);
    contented(visitor);
  }, { colorScheme: "dark", viewport: { width: 390, height: 844 } });
});
