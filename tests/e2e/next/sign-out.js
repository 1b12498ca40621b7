import assert from "node:assert/strict";
import { asks } from "../lib/browser.js";
import { behindTheGateway } from "../lib/next.js";

behindTheGateway("sign-out", (promise, stack) => {
  promise("ends the session in every tab, behind the back button, and for a thief of the cookie", async (visitor) => {
    await visitor.signsIn("alice", "/acme/dashboard");
    const { value: sid } = await visitor.cookie();
    assert.equal((await asks(stack, "/acme/dashboard", { sid, headers: { Accept: "text/html" } })).status, 200);
    const other = await visitor.tab();
    await other.goto("/acme/dashboard/settings");

    await visitor.get("signout").click();
    await visitor.arrives("/auth/signin");
    assert.equal(await visitor.cookie(), undefined);

    await visitor.page.goBack();
    await visitor.arrives("/auth/signin");
    assert.equal(await visitor.get("dashboard-title").count(), 0);

    await visitor.get("nav-dashboard", other).click();
    await visitor.arrives("/auth/signin", other);

    const page = await asks(stack, "/acme/dashboard", { sid, headers: { Accept: "text/html" } });
    assert.equal(page.status, 302);
    assert.match(page.headers.location, /^\/auth\/signin\?/);
    const session = await asks(stack, "/api/auth/session-v2", { sid });
    assert.equal(session.status, 401);
    assert.equal(JSON.parse(session.text).authenticated, false);
    assert.equal((await asks(stack, "/api/whoami", { sid })).status, 401);
  });

  promise("of one browser leaves another one signed in", async (visitor) => {
    await visitor.signsIn("alice", "/acme/dashboard");
    const answer = await asks(stack, "/api/auth/session-v2", {
      method: "POST", headers: { Origin: stack.url }, data: { email: "alice@acme.test", password: "correct horse" },
    });
    assert.equal(answer.status, 200);
    await visitor.get("signout").click();
    await visitor.arrives("/auth/signin");
    const sid = /sid=([^;]+)/.exec(answer.headers["set-cookie"])[1];
    assert.equal((await asks(stack, "/api/auth/session-v2", { sid })).status, 200);
  });
});
