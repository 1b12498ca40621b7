// The application of the old days itself, middleware and all: it goes by its cookies, and never stops to write them.
import assert from "node:assert/strict";
import { inFrontOf } from "../lib/existing.js";
import { carries, fullJar, isLeftWith, oldSessionOf, SHARED, SIGNED_IN, STAYS } from "../lib/legacy.js";

const DROPPED = "sidgate_legacy_set_cookie_dropped_total";

for (const version of [15, 16]) {
  inFrontOf(version, "legacy", "an application that lives by legacy cookies", (promise, gateway) => {
    promise("no longer sees them from the first request on, but a session: one document, and no way round", async (visitor) => {
      // For its middleware alone, this is somebody who has to be sent to onboarding, for ever.
      const jar = fullJar(await oldSessionOf(visitor.site, "alice")).filter(([, , domain]) => domain !== SHARED);
      await carries(visitor, [...jar, ["onboardingCompleted", "false"]]);
      const asked = await visitor.counting(() => visitor.page.goto("/dashboard"));
      assert.deepEqual(asked, { documents: ["/dashboard"], redirects: 0 });
      await visitor.reads("status", "authenticated");
      const seen = await visitor.get("cookies").textContent();
      assert.deepEqual(seen.split(" "), SIGNED_IN);
      await isLeftWith(visitor, SIGNED_IN);
    });

    promise("sets them as ever, and none reaches the browser", async (visitor) => {
      await carries(visitor, [["session_token", await oldSessionOf(visitor.site, "alice")], ...Object.entries(STAYS)]);
      const dropped = await gateway().metric(DROPPED);
      await visitor.page.goto("/dashboard/old");
      await visitor.reads("status", "authenticated");
      await isLeftWith(visitor, SIGNED_IN);
      assert.equal((await visitor.cookie("theme")).value, "light", "what stays may be set");
      assert.equal((await visitor.fetches("/tenant/remember")).status, 200);
      await isLeftWith(visitor, SIGNED_IN);
      assert.equal((await visitor.cookie("basket")).value, "3-apples");
      assert.equal(await gateway().metric(DROPPED), dropped + 6);
      for (const path of ["/dashboard", "/settings"]) {
        const asked = await visitor.counting(() => visitor.page.goto(path));
        assert.equal(asked.redirects, 0, path);
      }
    });
  });
}
