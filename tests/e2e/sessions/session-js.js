// A page without React: the gateway serves it what it needs.
import assert from "node:assert/strict";
import { asks } from "../lib/browser.js";
import { behindTheGateway } from "../lib/next.js";

const PAGE = `<!doctype html><title>Plain</title><p id="who">...</p>
<form><input name="email"><input name="password" type="password"><button>Sign in</button></form><button id="out">Sign out</button>
<script type="module">
  import { getSession, signIn, signOut, onChange } from "/api/auth/session.js";
  const show = (session) => (document.querySelector("#who").textContent = session ? session.user.email : "nobody");
  onChange(({ session }) => show(session));
  show(await getSession());
  document.querySelector("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    await signIn(form.get("email"), form.get("password"), { redirect: false });
  });
  document.querySelector("#out").addEventListener("click", () => signOut({ redirect: false }));
</script>`;

behindTheGateway("session.js", (promise, stack) => {
  promise("tells a page without React who is signed in, signs in and out, and tells the other tab", async (visitor) => {
    await visitor.context.route("**/plain", (route) => route.fulfill({ contentType: "text/html", body: PAGE }));
    const says = (page, who) => page.locator("#who").getByText(who, { exact: true }).waitFor();
    const tab = await visitor.tab();
    for (const page of [visitor.page, tab]) {
      await page.goto("/plain");
      await says(page, "nobody");
    }
    await visitor.page.locator("[name=email]").fill("alice@acme.test");
    await visitor.page.locator("[name=password]").fill("correct horse");
    await visitor.page.getByText("Sign in").click();
    for (const page of [visitor.page, tab]) await says(page, "alice@acme.test");
    await visitor.page.locator("#out").click();
    for (const page of [visitor.page, tab]) await says(page, "nobody");
    assert.equal(await visitor.cookie(), undefined);
  });

  promise("is JavaScript that knows nobody", async () => {
    const answer = await asks(stack, "/api/auth/session.js");
    assert.equal(answer.status, 200);
    assert.match(answer.headers["content-type"], /^(text|application)\/javascript/);
    assert.equal(answer.headers["set-cookie"], undefined);
  });
});
