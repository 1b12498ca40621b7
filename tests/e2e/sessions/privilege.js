// Somebody's role changes: another sid from then on, and nothing that is under way is signed out.
import assert from "node:assert/strict";
import { behindAnotherGateway } from "../lib/next.js";
import { until } from "../lib/process.js";

const change = (text) => `${text}
[session]
ttl = "1s"
refresh_ahead = "0s"
`;

behindAnotherGateway("a change of privileges", { configuration: "privilege", change, django: {} }, (promise, site) => {
  const becomes = (role) => site.django.manage("shell", "-c", `
from sidgate_django.models import Membership
changed = 0
for one in Membership.objects.filter(user__email="alice@acme.test"):
    one.role = "${role}"
    one.save()
    changed += 1
assert changed
`);

  promise("gives a new sid with the next page, and signs out no request that is under way", async (visitor) => {
    await becomes("member");
    await visitor.signsIn("alice", "/acme/dashboard");
    const { value: before } = await visitor.cookie();
    // A second tab that asks and asks.
    const busy = await visitor.tab();
    await busy.goto("/acme/dashboard");
    await busy.evaluate(() => {
      window.statuses = [];
      window.asking = setInterval(async () => window.statuses.push((await fetch("/api/auth/session-v2")).status), 100);
    });
    await becomes("owner");
    await until(async () => {
      await visitor.page.goto("/acme/dashboard");
      return (await visitor.cookie())?.value !== before;
    }, "the sid is another", 20_000);
    await visitor.reads("dashboard-title", "acme");
    assert.match((await visitor.cookie()).value, /^[0-9a-f-]{36}$/);
    const seen = await busy.evaluate(() => window.statuses.length);
    await busy.waitForFunction((count) => window.statuses.length > count + 10, seen);
    const statuses = await busy.evaluate(() => (clearInterval(window.asking), window.statuses));
    // One that was on its way with the old sid may be told to come again; then all is well.
    assert.deepEqual([...new Set(statuses.slice(-5))], [200], statuses.join(" "));
    assert.ok(statuses.filter((status) => status !== 200).length <= 3, statuses.join(" "));
    await busy.reload();
    await visitor.reads("dashboard-title", "acme", busy);
  });
});
