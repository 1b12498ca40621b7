// What was done is in the trail, and no secret is.
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { sids } from "../lib/browser.js";
import { behindAnotherGateway } from "../lib/next.js";
import { run, until } from "../lib/process.js";

behindAnotherGateway("the audit trail", { configuration: "audited", django: {}, audit: true }, (promise, site, stack) => {
  promise("tells who signed in, who failed to, and whose session was ended", async (visitor) => {
    await visitor.page.goto("/auth/signin");
    await visitor.fillsIn("alice", { password: "wrong horse" });
    await visitor.page.getByText("do not belong together").waitFor();
    await visitor.signsIn("alice", "/acme/dashboard");
    const other = await visitor.elsewhere();
    await other.signsIn("alice", "/acme/dashboard");
    await visitor.cookie();
    await other.cookie();
    await visitor.fetches("/api/auth/sessions?scope=others", { method: "DELETE" });
    await other.page.reload();
    await other.arrives("/auth/signin");
    // One that ends past the gateway shows when it comes again.
    const third = await visitor.elsewhere();
    await third.signsIn("bob", "/globex/dashboard");
    await site.django.revoke((await third.cookie()).value);
    await until(async () => (await third.fetches("/api/whoami")).status === 401, "the gateway knows", 10_000);
    await visitor.get("signout").click();
    await visitor.arrives("/auth/signin");

    const text = await readFile(site.audit, "utf8");
    const events = text.trim().split("\n").map((line) => JSON.parse(line));
    const kinds = events.map((one) => one.kind);
    for (const kind of ["start", "sign_in", "revocation", "session_ended", "sign_out"]) assert.ok(kinds.includes(kind), `${kind}: ${kinds}`);
    assert.equal(kinds.filter((kind) => kind === "sign_in").length, 4, "one of them failed");
    for (const secret of [...sids, "correct horse", "wrong horse"]) assert.ok(!text.includes(secret), "no secret in it");
    assert.ok(sids.size >= 2);
    await run(stack.program, ["audit", "verify", site.audit]);

    // One digit of one line, and it shows.
    const forged = join(dirname(site.audit), "forged.log");
    const at = text.indexOf('"kind"') + 10;
    await writeFile(forged, text.slice(0, at) + (text[at] === "x" ? "y" : "x") + text.slice(at + 1));
    await assert.rejects(run(stack.program, ["audit", "verify", forged]));
  });
});
