// Django does not answer at somebody's first visit: nothing is lost, and it works when it is back.
import assert from "node:assert/strict";
import { carries, enforce, fullJar, isLeftWith, oldSessionOf, SIGNED_IN } from "../lib/legacy.js";
import { behind } from "../lib/next.js";
import { until } from "../lib/process.js";

behind("legacy cookies while Django is stopped", enforce, (promise, site) => {
  promise("stay as they are, and are a session when it is back", async (visitor) => {
    await carries(visitor, fullJar(await oldSessionOf(site, "alice")));
    const before = await visitor.context.cookies();
    await site.django.stop();
    try {
      const page = await visitor.page.goto("/acme/dashboard");
      assert.equal(page.status(), 503);
      assert.equal(visitor.at, "/acme/dashboard");
      assert.equal((await visitor.page.goto("/")).status(), 200, "open to anybody");
      const { status, json } = await visitor.fetches("/api/auth/migrate-session", { method: "POST" });
      assert.deepEqual([status, json.error.code], [503, "backend_unavailable"]);
      assert.deepEqual(await visitor.context.cookies(), before);
    } finally {
      await site.django.start();
    }
    await until(async () => (await visitor.page.goto("/acme/dashboard")).status() === 200, "the gateway asks again");
    await visitor.reads("dashboard-title", "acme");
    await isLeftWith(visitor, SIGNED_IN);
  });
});
