// Several tabs: several copies of the module, with one gateway and one browser's channel and locks.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createGateway, newcomer, signedIn } from "../src/testing.js";

let gateway, posted, holders;

class Channel {
  static all = new Set();
  constructor(name) {
    this.name = name;
    Channel.all.add(this);
  }
  postMessage(data) {
    posted.push(data);
    for (const other of Channel.all) {
      if (other !== this && other.name === this.name) queueMicrotask(() => other.onmessage?.({ data: structuredClone(data) }));
    }
  }
}

/** Exclusive locks, as much of them as is used. */
const locks = {
  last: Promise.resolve(),
  request(_name, _options, work) {
    const turn = this.last.then(() => (holders++, work()));
    this.last = turn.catch(() => {});
    return turn;
  },
};

beforeEach(() => {
  Channel.all.clear();
  posted = [];
  holders = 0;
  gateway = createGateway(signedIn);
  vi.stubGlobal("BroadcastChannel", Channel);
  vi.stubGlobal("fetch", async (address, { method, body }) => {
    const { status, headers, body: text } = gateway.answer(method, address, body);
    return new Response(text, { status, headers });
  });
  Object.defineProperty(navigator, "locks", { value: locks, configurable: true });
});
afterEach(() => {
  delete navigator.locks;
  vi.unstubAllGlobals();
});

let number = 0;
async function tab() {
  const it = await import(/* @vite-ignore */ `../src/session.js?tab=${number++}`);
  it.sessionManager.navigate = () => {};
  return it;
}

test("a sign-in and a sign-out in one tab show in the other", async () => {
  gateway = createGateway(null);
  const [one, two] = [await tab(), await tab()];
  const seen = [];
  two.onChange(({ status, reason }) => seen.push([status, reason]));
  await vi.waitFor(() => expect(seen).toEqual([["unauthenticated", "no_session"]]));
  await one.signIn("a", "b");
  await one.signOut();
  await vi.waitFor(() => expect(seen.slice(1)).toEqual([["authenticated", null], ["unauthenticated", "signed_out"]]));
});

test("what one tab has asked the others know, with one question for all and no echo", async () => {
  const tabs = [await tab(), await tab(), await tab()];
  for (const each of tabs) each.onChange(() => {});
  await vi.waitFor(() => expect(tabs.map((each) => each.getState().status)).toEqual(Array(3).fill("authenticated")));
  await locks.last;
  expect(gateway.requests).toHaveLength(1);
  expect(posted).toHaveLength(1);
  expect(holders).toBe(3);
});

test("an old answer of another tab does not undo a sign-in", async () => {
  const [one, two] = [await tab(), await tab()];
  one.onChange(() => {});
  await vi.waitFor(() => expect(one.getState().status).toBe("authenticated"));
  const old = { session: null, reason: "no_session", moment: Date.now() - 1000 };
  for (const channel of Channel.all) channel.onmessage({ data: old });
  gateway.becomes(newcomer);
  await two.signIn("a", "b", { redirect: false });
  for (const channel of Channel.all) channel.onmessage({ data: old });
  expect(one.getState().session.user.name).toBe("Newbie");
});

test("a tab that sleeps with the lock does not hold up the others", async () => {
  navigator.locks.request = undefined;
  Object.defineProperty(navigator, "locks", {
    value: { request: async () => { throw new DOMException("too long", "TimeoutError"); } }, configurable: true,
  });
  const one = await tab();
  expect((await one.getSession()).user.name).toBe("Alice");
});
