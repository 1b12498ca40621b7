// A host for every tenant, in front of the same application: app.localhost, acme.app.localhost, globex.app.localhost.
import assert from "node:assert/strict";
import { asks } from "../lib/browser.js";
import { behindAnotherGateway, behindTheGateway } from "../lib/next.js";
import { until } from "../lib/process.js";

const HOST = "app.localhost";

/** What a shop adds to its configuration to have them. */
const change = (text) => `${text.replace("[pages]", `[pages]\ntenant_host = "{tenant}.${HOST}"`)}
[session]
domain = "${HOST}"

[[route]]
host = "{tenant}.${HOST}"
path = "/{home}/dashboard/{*rest}"
access = "onboarded"
kind = "page"
tenant = { parameter = "tenant", match = "slug" }
upstream = "nextjs"
`;

const DASHBOARD = { acme: "/acme/dashboard", globex: "/globex/dashboard" };

behindAnotherGateway("tenants on hosts of their own", { configuration: "tenant-hosts", change, host: HOST }, (promise, site) => {
  const home = (tenant) => site.at(tenant, DASHBOARD[tenant]);
  const signsIn = async (visitor, who, from, tenant) => {
    await visitor.page.goto(`${from}/auth/signin`);
    await visitor.fillsIn(who);
    await visitor.page.waitForURL(home(tenant));
    await visitor.reads("dashboard-title", tenant);
  };

  promise("share one session: signed in on one host is signed in on all", async (visitor) => {
    await signsIn(visitor, "alice", site.url, "acme");
    const cookies = await visitor.context.cookies();
    assert.deepEqual(cookies.map(({ name, domain }) => [name, domain]), [["sid", `.${HOST}`]]);
    for (const address of [`${site.url}/`, `${site.at("globex")}/`]) {
      await visitor.page.goto(address);
      await visitor.reads("home-user", "1");
    }
    // Sign-in pages of any host know it, and lead to one's own.
    for (const from of [site.url, site.at("globex"), site.at("acme")]) {
      await visitor.page.goto(`${from}/auth/signin`);
      assert.equal(visitor.page.url(), home("acme"));
    }
  });

  promise("find their way out of cookies from before they were shared", async (visitor) => {
    await signsIn(visitor, "alice", site.url, "acme");
    const { value: good } = await visitor.cookie();
    const leftover = { name: "sid", value: crypto.randomUUID(), url: site.at("acme"), httpOnly: true, secure: true };
    await visitor.context.addCookies([leftover]);
    assert.equal((await visitor.context.cookies()).length, 2);
    await visitor.page.goto(home("acme"));
    await visitor.reads("dashboard-title", "acme");
    const left = await visitor.context.cookies();
    assert.deepEqual(left.map(({ value, domain }) => [value, domain]), [[good, `.${HOST}`]]);
    // The same where one signs out: neither is left on any host.
    await visitor.context.addCookies([leftover]);
    await visitor.get("signout").click();
    await visitor.arrives("/auth/signin");
    assert.deepEqual(await visitor.context.cookies(), []);
  });

  promise("lead everybody from any sign-in page to their own host", async (visitor) => {
    await visitor.page.goto(home("acme"));
    assert.equal(visitor.page.url(), site.at("acme", "/auth/signin?next=/acme/dashboard"));
    await visitor.fillsIn("bob");
    await visitor.page.waitForURL(home("globex"));
    await visitor.reads("identity-tenant", "globex");
  });

  promise("lead back to the page that was wanted, also on a tenant's host", async (visitor) => {
    const wanted = `${home("acme")}/settings`;
    await visitor.page.goto(wanted);
    await visitor.fillsIn("alice");
    await visitor.page.waitForURL(wanted);
    await visitor.get("settings-title").waitFor();
    await visitor.context.clearCookies();
    await visitor.page.goto(`${site.url}/auth/signin?next=${encodeURIComponent(wanted)}`);
    await visitor.fillsIn("alice");
    await visitor.page.waitForURL(wanted);
  });

  promise("lead nowhere else", async (visitor) => {
    const port = new URL(site.url).port;
    for (const next of [`https://evilapp.localhost:${port}/`, `https://evil.test:${port}/`, `//evil.test/`, `https://acme.${HOST}.evil.test:${port}/`, `https://acme.${HOST}:${port}@evil.test/`]) {
      await visitor.page.goto(`${site.url}/auth/signin?next=${encodeURIComponent(next)}`);
      await visitor.fillsIn("alice");
      await visitor.page.waitForURL(home("acme"));
      await visitor.context.clearCookies();
    }
  });

  promise("say whose they are: another's is 403 with the way home", async (visitor) => {
    await signsIn(visitor, "alice", site.at("acme"), "acme");
    const answer = await visitor.page.goto(home("globex"));
    assert.equal(answer.status(), 403);
    await visitor.picture("tenant host of another");
    assert.equal(await visitor.page.getByRole("button").count(), 0, "she does not belong there");
    await visitor.page.getByRole("link", { name: "Go to your own page" }).click();
    await visitor.page.waitForURL(home("acme"));
    await visitor.reads("dashboard-title", "acme");
    assert.equal(await visitor.get("tenant-switch").count(), 0, "nothing to switch to");
  });

  promise("offer the switch to members, who arrive; a tab that was open goes on", async (visitor) => {
    await signsIn(visitor, "carol", site.url, "acme");
    const { value: before } = await visitor.cookie();
    const other = await visitor.tab();
    await other.goto(home("acme"));
    await visitor.page.goto(`${home("globex")}?from=mail`);
    await visitor.picture("tenant host offers the switch");
    await visitor.page.getByRole("button", { name: "Switch to Globex" }).click();
    await visitor.page.waitForURL(`${home("globex")}?from=mail`);
    await visitor.reads("dashboard-title", "globex");
    const { value: after } = await visitor.cookie();
    assert.notEqual(after, before, "a new sid");
    // The tab is of Acme, the session is not any more: it says so and offers the way back. Nobody is signed out.
    await other.reload();
    await other.getByRole("button", { name: "Switch to Acme" }).click();
    await other.waitForURL(home("acme"));
    await visitor.reads("dashboard-title", "acme", other);
    const replay = await asks(site.loopback, "/api/auth/session-v2", { sid: before });
    assert.equal(replay.status, 401);
    assert.equal(replay.headers["set-cookie"], undefined, "a late one takes nothing away");
  });

  promise("are left and entered by the application's own switcher", async (visitor) => {
    await signsIn(visitor, "carol", site.url, "acme");
    await visitor.get("tenant-switch-globex").click();
    await visitor.page.waitForURL(home("globex"));
    await visitor.reads("identity-tenant", "globex");
  });

  promise("keep requests that are under way while the tenant is switched", async (visitor) => {
    await signsIn(visitor, "carol", site.url, "acme");
    const other = await visitor.tab();
    await other.goto(`${site.at("acme")}/`);
    const statuses = other.evaluate(async () => {
      const seen = [];
      const end = Date.now() + 2000;
      while (Date.now() < end) {
        seen.push((await fetch("/api/whoami")).status);
        await new Promise((done) => setTimeout(done, 20));
      }
      return seen;
    });
    await visitor.get("tenant-switch-globex").click();
    await visitor.page.waitForURL(home("globex"));
    const seen = await statuses;
    assert.ok(seen.at(-1) === 200 && seen.every((status) => [200, 401].includes(status)), `${seen}`);
    await other.reload();
    await visitor.reads("home-user", await visitor.get("home-user", other).textContent(), other);
    assert.ok(await visitor.cookie());
  });

  promise("are all left at once by signing out on one of them", async (visitor) => {
    await signsIn(visitor, "alice", site.url, "acme");
    const { value: sid } = await visitor.cookie();
    await visitor.get("signout").click();
    await visitor.arrives("/auth/signin");
    assert.equal(await visitor.cookie(), undefined);
    for (const address of [`${site.url}/dashboard`, home("acme"), home("globex")]) {
      await visitor.page.goto(address);
      assert.match(new URL(visitor.page.url()).pathname, /^\/auth\/signin$/);
    }
    await until(async () => (await asks(site.loopback, "/api/auth/session-v2", { sid })).status === 401, "the sid is refused");
  });

  promise("work without JavaScript", async (visitor) => {
    await visitor.page.goto(home("globex"));
    await visitor.fillsIn("carol");
    await visitor.page.waitForURL(home("globex"));
    await visitor.page.getByRole("button", { name: "Switch to Globex" }).click();
    await visitor.reads("dashboard-title", "globex");
  }, { javaScriptEnabled: false });
});

behindTheGateway("tenants in the path", (promise) => {
  promise("are switched from the dashboard by who belongs to several", async (visitor) => {
    await visitor.signsIn("carol", "/acme/dashboard");
    await visitor.picture("next tenant switcher");
    await visitor.get("tenant-switch-globex").dblclick();
    await visitor.arrives("/globex/dashboard");
    await visitor.reads("dashboard-title", "globex");
    await visitor.page.goto("/acme/dashboard");
    assert.equal(visitor.at, "/globex/dashboard", "Acme's path leads home now");
  });
});
