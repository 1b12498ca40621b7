// What the application is made of passes through the gateway as it is.
import assert from "node:assert/strict";
import { behindTheGateway } from "../lib/next.js";

behindTheGateway("the application", (promise) => {
  promise("has working server actions, over HTTP/2", async (visitor) => {
    await visitor.signsIn("alice", "/acme/dashboard");
    const before = Number(await visitor.get("counter").textContent());
    const answered = visitor.page.waitForResponse((answer) => answer.request().headers()["next-action"] !== undefined);
    await visitor.get("increment").click();
    assert.equal((await answered).status(), 200);
    await visitor.page.waitForFunction(
      (wanted) => document.querySelector('[data-testid="counter"]').textContent === wanted, String(before + 1),
    );
    const protocols = await visitor.page.evaluate(() => ["navigation", "resource"].flatMap((type) =>
      performance.getEntriesByType(type).map((entry) => [entry.initiatorType, entry.nextHopProtocol])));
    assert.ok(protocols.some(([initiator]) => initiator === "fetch"), "the action was a fetch");
    for (const [initiator, protocol] of protocols) assert.equal(protocol, "h2", initiator);
  });

  promise("streams a page in pieces", async (visitor) => {
    await visitor.signsIn("alice", "/acme/dashboard");
    const at = await visitor.page.evaluate(async () => {
      const reader = (await fetch("/acme/dashboard/stream")).body.getReader();
      const text = new TextDecoder();
      const seen = {};
      let all = "";
      for (let piece; !(piece = await reader.read()).done;) {
        all += text.decode(piece.value, { stream: true });
        for (const name of ["stream-first", "stream-second", "stream-third"]) {
          if (all.includes(`"${name}"`)) seen[name] ??= performance.now();
        }
      }
      return seen;
    });
    assert.ok(at["stream-second"] - at["stream-first"] > 250, JSON.stringify(at));
    assert.ok(at["stream-third"] - at["stream-second"] > 250, JSON.stringify(at));
    await visitor.page.goto("/acme/dashboard/stream");
    await visitor.reads("stream-third", "The third came after a second. Nothing between held them together.");
  });

  promise("sends live events one by one", async (visitor) => {
    await visitor.signsIn("alice", "/acme/dashboard");
    const times = await visitor.page.evaluate(() => new Promise((done, fail) => {
      const source = new EventSource("/api/events");
      const seen = [];
      source.onerror = () => fail(new Error("the stream broke off"));
      source.onmessage = () => {
        seen.push(performance.now());
        if (seen.length < 6) return;
        source.close();
        done(seen);
      };
    }));
    const gaps = times.slice(1).map((time, index) => Math.round(time - times[index]));
    // One every 300 ms; a busy machine may put two of them close together, a buffer would put all.
    assert.ok(gaps.filter((gap) => gap > 120).length >= 4, `gaps: ${gaps}`);
    await visitor.get("nav-live").click();
    await visitor.page.waitForFunction(() => Number(document.querySelector('[data-testid="live-last"]')?.textContent) > 2);
    await visitor.reads("live-state", "open");
    await visitor.picture("next live");
  });

  promise("navigates by itself: a click on a link asks for data and not for a page", async (visitor) => {
    await visitor.signsIn("alice", "/acme/dashboard");
    const asked = await visitor.counting(async () => {
      for (const place of ["settings", "stream", "dashboard"]) {
        const data = place === "stream"
          ? visitor.page.waitForResponse((answer) => answer.request().headers().rsc === "1" && answer.url().includes("/stream"))
          : undefined;
        await visitor.get(`nav-${place}`).click();
        await visitor.get(`${place}-title`).waitFor();
        if (data) assert.match((await data).headers()["content-type"], /^text\/x-component/);
      }
    });
    assert.deepEqual(asked.documents, []);
    assert.equal(visitor.at, "/acme/dashboard");
    assert.deepEqual(visitor.complaints, []);
  });
});
