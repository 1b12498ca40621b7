// Cookies that prove nothing: an honest sign-in page, and they are gone.
import assert from "node:assert/strict";
import { carries, enforce, LEFT, NOBODY, names, oldSession, oldSessionOf, sealed, SHARED, STAYS, unprotected } from "../lib/legacy.js";
import { behind } from "../lib/next.js";

const HOUR = 3_600_000;

/** The same with one bit of the first block of the ciphertext another. */
function flipped(value) {
  const [iv, text] = value.split(":");
  const bytes = Buffer.from(text, "base64");
  bytes[3] ^= 1;
  return `${iv}:${bytes.toString("base64")}`;
}

/** Jars, made of an old session that is alive. */
const JARS = {
  "forged, with a session that nobody has": () => [["appSession", unprotected(oldSession(NOBODY))]],
  "expired by their own word, over a session that lives": (sid) => {
    const past = Date.now() - HOUR;
    return [["dott_auth_session", sealed(oldSession(sid, { more: { expiresAt: past } }))]];
  },
  "with a flipped bit": (sid) => [["dott_auth_session", flipped(sealed(oldSession(sid)))]],
  "cut off": (sid) => [["dott_auth_session", encodeURIComponent(sealed(oldSession(sid))).slice(0, 200)]],
  "a sentinel": () => [["session_token", "backend_session"]],
  "chunks with a gap": (sid) => [["appSession.0", sealed(oldSession(sid)).slice(0, 99)], ["appSession.2", "x"]],
  "garbage of every kind": () => [["session_token", "../../etc/passwd"], ["dott_auth_session", "%00%ff"], ["idToken", "a.b.c"]],
};

behind("legacy cookies that prove nothing", enforce, (promise, site) => {
  const said = new Set();

  for (const [what, jar] of Object.entries(JARS)) {
    promise(`lead to sign-in, and are gone: ${what}`, async (visitor) => {
      const old = await oldSessionOf(site, "alice");
      await carries(visitor, [...jar(old), ["onboardingCompleted", "false", SHARED], ...Object.entries(STAYS)]);
      const asked = await visitor.counting(() => visitor.page.goto("/acme/dashboard"));
      assert.equal(asked.redirects, 1);
      await visitor.get("signin-email").waitFor();
      said.add(visitor.at);
      assert.deepEqual(await names(visitor), LEFT);
      assert.equal(await site.django.whose(old), "alice@acme.test", "an honest session is none the worse");
      await visitor.fillsIn("alice");
      await visitor.reads("dashboard-title", "acme");
    });
  }

  promise("and a sentinel in the place of a sid is none: a sign-in takes its place", async (visitor) => {
    await carries(visitor, [["sid", "session-v2-active"], ["sid", "session-token", SHARED], ["session_token", "session-token"]]);
    await visitor.page.goto("/acme/dashboard");
    await visitor.fillsIn("alice");
    await visitor.reads("dashboard-title", "acme");
    assert.deepEqual(await names(visitor), ["sid"]);
  });

  promise("tell nobody which of it was the reason", async () => {
    assert.equal(said.size, 1, [...said].join(" "));
  });
});
