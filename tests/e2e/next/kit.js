// The Next.js kit, as the demo's application uses it.
import assert from "node:assert/strict";
import { behindTheGateway } from "../lib/next.js";

const FIREFOX = { userAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0" };
const API = "/api/auth/session-v2";

behindTheGateway("the Next.js kit", (promise) => {
  async function atDevices(visitor, page = visitor.page) {
    await page.goto("/acme/dashboard/devices");
    await visitor.get("devices-user", page).waitFor();
  }
  const listed = (visitor) => visitor.get("devices").locator("li");

  promise("shows who is signed in from the first byte, and asks nothing for it", async (visitor) => {
    await visitor.signsIn("alice", "/acme/dashboard");
    // Away from the page that wants to know about other companies, which the server does not know.
    await visitor.page.goto("/acme/dashboard/settings");
    const asked = [];
    visitor.page.on("request", (request) => asked.push(new URL(request.url()).pathname));
    await atDevices(visitor);
    await listed(visitor).first().waitFor();
    assert.deepEqual(asked.filter((path) => path === API), []);
    assert.deepEqual(visitor.complaints, []);
  });

  promise("lists devices, and ends another one, which is told why", async (visitor) => {
    const other = await visitor.elsewhere(FIREFOX);
    await visitor.signsIn("alice", "/acme/dashboard");
    await visitor.fetches("/api/auth/sessions?scope=others", { method: "DELETE" });
    await other.signsIn("alice", "/acme/dashboard");
    await atDevices(visitor);
    await listed(visitor).nth(1).waitFor();
    assert.equal(await listed(visitor).count(), 2);
    assert.match(await visitor.get("devices").locator("[aria-current=true]").textContent(), /^Chrome, Linux .*This device/);
    await visitor.picture("kit devices");
    await visitor.page.getByRole("button", { name: "Sign out: Firefox, Linux" }).click();
    await listed(visitor).nth(1).waitFor({ state: "detached" });
    await other.page.reload();
    await other.arrives("/auth/signin");
    await other.reads("signin-error", "You were signed out: this session was ended.");
  });

  promise("ends this device from the list, as a sign-out does", async (visitor) => {
    await visitor.signsIn("alice", "/acme/dashboard");
    await atDevices(visitor);
    await visitor.get("devices").locator("[aria-current=true] button").click();
    await visitor.arrives("/auth/signin");
    assert.equal(await visitor.cookie(), undefined);
  });

  promise("a sign-out in one tab shows in the other at once", async (visitor) => {
    await visitor.signsIn("alice", "/acme/dashboard");
    const other = await visitor.tab();
    await atDevices(visitor, other);
    await visitor.get("signout").click();
    await visitor.arrives("/auth/signin");
    await visitor.arrives("/auth/signin", other);
    assert.match(visitor.path(other.url()), /next=%2Facme%2Fdashboard%2Fdevices/);
  });

  promise("calls Django as the user", async (visitor) => {
    await visitor.signsIn("alice", "/acme/dashboard");
    await visitor.page.goto("/acme/dashboard/settings");
    assert.match(await visitor.get("settings-django").textContent(), /^Django says: .* of Acme$/);
  });

  promise("serves its session manager to pages without React", async (visitor) => {
    await visitor.page.goto("/auth/signin");
    const seen = await visitor.page.evaluate(async () => {
      const { getSession, signIn, signOut, onChange } = await import("/api/auth/session.js");
      const seen = [];
      onChange(({ status, session }) => seen.push([status, session?.user.email ?? null]));
      await getSession();
      await signIn("alice@acme.test", "correct horse", { redirect: false });
      await getSession();
      await signOut({ redirect: false });
      return seen;
    });
    assert.deepEqual(seen, [
      ["unauthenticated", null], ["authenticated", "alice@acme.test"], ["unauthenticated", null],
    ]);
  });
});
