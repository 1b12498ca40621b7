// dave has a second factor: a code by mail, which Django prints.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { behindTheGateway } from "../lib/next.js";
import { until } from "../lib/process.js";

behindTheGateway("a second factor", (promise, stack) => {
  async function mails() {
    return [...(await readFile(join(stack.folder, "django.log"), "utf8")).matchAll(/Your code is (\d{6})\./g)].map((mail) => mail[1]);
  }

  /** Signs in with the password, and gives the code that was sent. */
  async function begins(visitor, from) {
    const before = (await mails()).length;
    await visitor.page.goto(from);
    await visitor.fillsIn("dave");
    await visitor.get("signin-code").waitFor();
    assert.equal(await visitor.cookie(), undefined);
    return (await until(async () => (await mails()).slice(before), "the mail is sent")).at(-1);
  }

  promise("is asked for in the same form, and may be mistyped", async (visitor) => {
    const code = await begins(visitor, "/acme/dashboard/settings");
    await visitor.get("signin-code").fill(code === "000000" ? "111111" : "000000");
    await visitor.get("signin-submit").click();
    await visitor.page.getByText("That code is wrong, or no longer good.").waitFor();
    await visitor.picture("next second factor");
    await visitor.get("signin-code").fill(code);
    await visitor.get("signin-submit").click();
    await visitor.arrives("/acme/dashboard/settings");
    assert.equal((await visitor.cookie()).value.length, 36);
  });

  promise("works without JavaScript", async (visitor) => {
    const code = await begins(visitor, "/acme/dashboard/settings");
    assert.match(visitor.at, /^\/auth\/signin\?next=\/acme\/dashboard\/settings&challenge=[0-9a-f-]{36}&kind=email_code$/);
    await visitor.get("signin-code").fill("000000");
    await visitor.fillsIn("dave");
    await visitor.reads("signin-error", "That code is wrong, or no longer good.");
    await visitor.get("signin-code").fill(code);
    await visitor.fillsIn("dave");
    await visitor.arrives("/acme/dashboard/settings");
  }, { javaScriptEnabled: false });
});
