// The parts behind the suites of next/: started by the first suite, stopped after the last one.
import { after } from "node:test";
import { suite } from "./browser.js";
import { Stack } from "./stack.js";

const stack = new Stack();
let started;

const site = {
  get url() {
    return stack.url;
  },
  start: () => (started ??= stack.start()),
};

after(async () => {
  if (!started) return;
  await started.catch(() => {});
  await stack.stop();
}, { timeout: 90_000 });

/** Promises of the gateway in front of Next.js and Django. */
export function behindTheGateway(name, body) {
  suite(name, site, (promise) => body(promise, stack));
}
