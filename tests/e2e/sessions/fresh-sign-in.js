// A page for which one signs in anew when the last time was long ago.
import assert from "node:assert/strict";
import { behindAnotherGateway } from "../lib/next.js";
import { until } from "../lib/process.js";

const PATH = "/acme/dashboard/settings";
const change = (text) => `${text}
[[route]]
path = "/{tenant}/dashboard/settings"
access = "onboarded"
kind = "page"
tenant = { parameter = "tenant", match = "slug" }
upstream = "nextjs"
max_auth_age = "10s"
`;

behindAnotherGateway("a page that asks for a fresh sign-in", { configuration: "fresh-sign-in", change, django: {} }, (promise) => {
  promise("shows right after one", async (visitor) => {
    await visitor.signsIn("alice", "/acme/dashboard");
    await visitor.page.goto(PATH);
    await visitor.reads("settings-title", "Settings");
  });

  promise("asks for it later, and leads back; the rest of the application goes on meanwhile", async (visitor) => {
    await visitor.signsIn("alice", "/acme/dashboard");
    const { value: before } = await visitor.cookie();
    const tooOld = async () => (await visitor.fetches(PATH)).status === 401;
    await until(tooOld, "the sign-in is too long ago", 30_000);
    const data = await visitor.fetches(PATH);
    assert.equal(data.json.error.reason ?? data.json.error.code, "fresh_sign_in_required");

    const asked = await visitor.counting(() => visitor.page.goto(PATH));
    assert.equal(asked.redirects, 1, "the sign-in page shows, although one is signed in");
    assert.equal(visitor.at.split("?")[0], "/auth/signin");
    assert.match(visitor.at, /reason=fresh_sign_in_required/);
    await visitor.get("signin-form").waitFor();
    await visitor.picture("sessions fresh sign-in");
    const tab = await visitor.tab();
    await tab.goto("/acme/dashboard");
    await visitor.reads("dashboard-title", "acme", tab);

    await visitor.fillsIn("alice");
    await visitor.arrives(PATH);
    await visitor.reads("settings-title", "Settings");
    assert.notEqual((await visitor.cookie()).value, before, "a new session");
  });
});
