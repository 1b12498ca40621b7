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

/** Promises of one more gateway in front of the same Next.js and Django: see `Stack.another`. Hosts are under `host`. */
export function behindAnotherGateway(name, { configuration, change, host }, body) {
  let port;
  const other = {
    get url() {
      return `https://${host}:${port}`;
    },
    /** The same for programs: not every resolver knows that names below localhost are this machine. */
    get loopback() {
      return { url: `https://localhost:${port}` };
    },
    at: (label, path = "") => `https://${label}.${host}:${port}${path}`,
    start: async () => {
      await site.start();
      port ??= await stack.another(configuration, change);
    },
  };
  suite(name, other, (promise) => body(promise, other, stack));
}

/** Promises of the gateway in front of Next.js and Django. */
export function behindTheGateway(name, body) {
  suite(name, site, (promise) => body(promise, stack));
}
