// The parts behind the suites of next/: started by the first suite, stopped after the last one.
import { join } from "node:path";
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

/**
 * One more gateway in front of the same Next.js and Django: see `Stack.another`. Hosts are under `host`. With `django`,
 * which makes its settings (DEMO_...) of the stack, sessions are those of one more Django, which starts without any:
 * `site.django`; with `beside`, of the one of that other gateway. With `audit` there is a trail: `site.audit`. `prepare(stack)` comes before the gateway.
 */
export function anotherGateway({ configuration, change = (text) => text, host = "localhost", django, beside, audit, prepare }) {
  let port;
  const other = {
    stack,
    host,
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
      await prepare?.(stack);
      await beside?.start();
      other.django ??= beside?.django;
      if (django) {
        other.django ??= await stack.anotherDjango(`django-${configuration}`, django(stack));
      }
      if (other.django) {
        const before = change;
        change = (text) => before(text.replaceAll(`"${stack.django}"`, `"${other.django.url}"`));
      }
      if (audit) {
        other.audit ??= join(stack.folder, configuration, "audit.log");
        const before = change;
        change = (text) => `${before(text)}\n[audit.file]\npath = "${other.audit}"\n`;
      }
      port ??= await stack.another(configuration, change);
    },
  };
  return other;
}

/** Promises of one more gateway, by the options of `anotherGateway`; `django` may be the settings themselves. */
export function behindAnotherGateway(name, { django, ...options }, body) {
  behind(name, anotherGateway({ ...options, django: django && (() => django) }), body);
}

/** Promises of a gateway that may be in front of several suites. */
export function behind(name, other, body) {
  suite(name, other, (promise) => body(promise, other, stack));
}

/** Promises of the gateway in front of Next.js and Django. */
export function behindTheGateway(name, body) {
  suite(name, site, (promise) => body(promise, stack));
}
