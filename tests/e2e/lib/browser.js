// A browser, and for each test a profile of its own.
import assert from "node:assert/strict";
import { accessSync, constants } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { chromium, request } from "playwright-core";
import { ROOT } from "./process.js";

export const RESULTS = join(ROOT, "tests/e2e/results");
export const PASSWORD = "correct horse";
export const ADDRESS = {
  alice: "alice@acme.test", bob: "bob@globex.test", carol: "carol@acme.test", dave: "dave@acme.test",
  newbie: "newbie@example.test",
};

const FIELDS = {
  "signin-email": ".signin [name=email]",
  "signin-password": ".signin [name=password]",
  "signin-code": ".signin [name=challenge_code]",
  "signin-error": ".signin [role=alert]",
  "signin-submit": ".signin button",
};

function executable() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  const folders = (process.env.PATH ?? "").split(delimiter);
  const names = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];
  for (const path of names.flatMap((name) => folders.map((folder) => join(folder, name)))) {
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not here.
    }
  }
  throw new Error("No Chromium on the PATH. On Debian: apt-get install chromium; elsewhere set CHROMIUM to its path.");
}

const SWITCHES = [
  "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
];

/** One browser for all suites. */
let shared;

function open() {
  shared ??= launch();
  return shared;
}

/** A browser of its own, with an environment and more switches of its own. */
export function launch(env = {}, switches = []) {
  return chromium.launch({
    executablePath: executable(),
    // Chromium's own sandbox refuses to work for root.
    chromiumSandbox: process.getuid?.() !== 0,
    args: [...SWITCHES, ...switches],
    env: { ...process.env, ...env },
  });
}

before(() => rm(RESULTS, { recursive: true, force: true }));
after(async () => (await shared)?.close());

/**
 * A suite in front of something with `start()` and `url`; and `open()`, where it needs a browser of its own. The body gets `promise(name, check, options)`, which
 * declares one test: `check` gets a visitor with a fresh profile. Options: those of playwright's contexts
 * (`javaScriptEnabled`, ...).
 */
export function suite(name, site, body) {
  describe(name, { concurrency: false }, () => {
    let browser;
    before(async () => {
      [browser] = await Promise.all([site.open ? undefined : open(), site.start()]);
      browser ??= await site.open();
    }, { timeout: 300_000 });
    body((title, check, profile = {}) => {
      test(title, { timeout: 60_000 }, async () => {
        const visitor = await Visitor.at(browser, site, profile);
        try {
          await check(visitor);
        } catch (error) {
          await visitor.picture(`failed ${title}`).catch(() => {});
          throw error;
        } finally {
          await visitor.leave();
        }
      });
    });
  });
}

/** Every sid that a visitor had: none of them may show anywhere. */
export const sids = new Set();

/** Somebody at a browser. */
export class Visitor {
  /** With a fresh profile. */
  static async at(browser, site, profile = {}) {
    const context = await browser.newContext({ baseURL: site.url, ignoreHTTPSErrors: true, ...profile });
    context.setDefaultTimeout(15_000);
    return new Visitor(context, await context.newPage(), site);
  }

  constructor(context, page, site) {
    this.others = [];
    this.context = context;
    this.page = page;
    this.site = site;
    this.documents = [];
    this.complaints = [];
    this.watch(page);
  }

  /** Notes every document that the page asks for, and everything the browser complains about. */
  watch(page) {
    page.on("request", (asked) => {
      if (asked.isNavigationRequest() && asked.frame() === page.mainFrame()) {
        this.documents.push({ path: this.path(asked.url()), redirected: asked.redirectedFrom() !== null });
      }
    });
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) {
        this.complaints.push(`${message.text()} (${message.location().url})`);
      }
    });
    page.on("pageerror", (error) => this.complaints.push(`uncaught: ${error.message}`));
  }

  /** Somebody at another browser, until this one leaves. */
  async elsewhere(profile) {
    const other = await Visitor.at(this.context.browser(), this.site, profile);
    this.others.push(other);
    return other;
  }

  async leave() {
    for (const other of this.others) await other.leave();
    await this.cookie().catch(() => {});
    await this.context.close();
  }

  async tab() {
    const page = await this.context.newPage();
    this.watch(page);
    return page;
  }

  /** Path and query of an address of the site; any other address as it is. */
  path(address) {
    return address.startsWith(`${this.site.url}/`) ? address.slice(this.site.url.length) : address;
  }

  get at() {
    return this.path(this.page.url());
  }

  /** Waits until the page is at a path, whatever the query. */
  async arrives(path, page = this.page) {
    await page.waitForURL((url) => url.pathname === path);
  }

  /** Documents asked for while something is done, and how many of these were asked for because of a redirect. */
  async counting(doing) {
    const first = this.documents.length;
    await doing();
    const documents = this.documents.slice(first);
    return { documents: documents.map((one) => one.path), redirects: documents.filter((one) => one.redirected).length };
  }

  /** By its test id; the fields of the kit's form are plain HTML and have names. */
  get(testid, page = this.page) {
    const field = FIELDS[testid];
    return field ? page.locator(`${field}, [data-testid=${testid}]`) : page.getByTestId(testid);
  }

  async reads(testid, text, page = this.page) {
    const element = this.get(testid, page);
    await element.waitFor();
    assert.equal(await element.textContent(), text, testid);
  }

  /** Fills in the form on the sign-in page. */
  async fillsIn(who, { password = PASSWORD, email = "signin-email", secret = "signin-password", submit = "signin-submit" } = {}) {
    await this.get(email).fill(ADDRESS[who]);
    await this.get(secret).fill(password);
    await this.get(submit).click();
  }

  async signsIn(who, home) {
    await this.page.goto("/auth/signin");
    await this.fillsIn(who);
    await this.arrives(home);
  }

  /** What `fetch` in the page gets. */
  fetches(path, options = {}) {
    return this.page.evaluate(async ([address, init]) => {
      const answer = await fetch(address, init);
      const text = await answer.text();
      const json = answer.headers.get("content-type")?.includes("json") ? JSON.parse(text) : null;
      return { status: answer.status, redirected: answer.redirected, headers: Object.fromEntries(answer.headers), json };
    }, [path, options]);
  }

  async cookie(name = "sid") {
    const cookies = await this.context.cookies();
    for (const { name: of, value } of cookies) if (of === "sid") sids.add(value);
    return cookies.find((one) => one.name === name);
  }

  async picture(name) {
    await mkdir(RESULTS, { recursive: true });
    const path = join(RESULTS, `${name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-").slice(0, 80)}.png`);
    await this.page.screenshot({ path, fullPage: true });
  }
}

/** A program with somebody's cookie: what a thief would use. Redirects are not followed. */
export async function asks(site, path, { sid, headers = {}, method = "GET", ...rest } = {}) {
  const client = await request.newContext({ ignoreHTTPSErrors: true });
  try {
    const cookie = sid ? { Cookie: `sid=${sid}` } : {};
    const answer = await client.fetch(site.url + path, { method, maxRedirects: 0, headers: { ...cookie, ...headers }, ...rest });
    return { status: answer.status(), headers: answer.headers(), text: await answer.text() };
  } finally {
    await client.dispose();
  }
}
