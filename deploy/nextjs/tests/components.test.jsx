import { act, cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import React from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { afterEach, expect, test } from "vitest";
import { DeviceList, SignInForm } from "../src/index.js";
import { getState } from "../src/session.js";
import { mockSession, signedIn } from "../src/testing.js";

let gateway;
afterEach(() => {
  cleanup();
  gateway?.restore();
  history.replaceState(null, "", "/");
});

const alert = () => screen.getByRole("alert").textContent;
const type = (label, value) => fireEvent.change(screen.getByLabelText(label), { target: { value } });
async function submit() {
  type("Email", "alice@acme.test");
  type("Password", "correct horse");
  await act(async () => fireEvent.submit(screen.getByRole("button").closest("form")));
}

test("the form is plain HTML that the gateway answers without JavaScript", () => {
  const query = { next: "/acme/bills", error: "invalid_credentials" };
  const page = document.createElement("div");
  page.innerHTML = renderToStaticMarkup(<SignInForm query={query} className="mine" />);
  const form = page.querySelector("form.mine[method=post][action='/api/auth/session-v2']");
  expect(Object.fromEntries(new FormData(form))).toEqual({ next: "/acme/bills", email: "", password: "" });
  for (const field of ["email][autocomplete=username", "password][autocomplete=current-password"]) {
    expect(form.querySelector(`label > input[required][type=${field}]`)).not.toBeNull();
  }
  expect(form.querySelector("[role=alert]").textContent).toBe("Wrong email or password.");
});

test("the form asks for the second factor that is due, without JavaScript too", () => {
  const html = renderToStaticMarkup(<SignInForm query={{ challenge: ["c 1", "c2"], error: "invalid_challenge" }} />);
  for (const part of ['name="challenge_id" value="c 1"', 'name="challenge_code"', 'autoComplete="one-time-code"', "Wrong code."]) {
    expect(html).toContain(part);
  }
});

test("the form says why the session ended, in the application's words where it has some", () => {
  const say = (code, texts) => renderToStaticMarkup(<SignInForm query={{ reason: code }} texts={texts} />);
  expect(say("session_revoked")).toContain("Your session was ended.");
  expect(say("session_idle", { session_idle: "Zu lange weg." })).toContain("Zu lange weg.");
  expect(say("no_session")).toContain('<p role="alert"></p>');
  expect(say("session_limit")).toContain("Signed in on too many devices.");
});

test("the form shows nothing of its own that the address says", () => {
  for (const code of ["<b>call+1555</b>", "constructor", "__proto__", "toString"]) {
    expect(renderToStaticMarkup(<SignInForm query={{ error: code }} />)).toContain('<p role="alert">Please sign in again.</p>');
  }
});

test("the form reads the address by itself, and signs in", async () => {
  history.replaceState(null, "", "/auth/signin?next=%2Facme%2Fbills&reason=session_expired");
  gateway = mockSession(null);
  render(<SignInForm />);
  expect(alert()).toBe("Your session has expired.");
  await submit();
  expect(gateway.navigations).toEqual(["/acme/bills"]);
  expect(screen.getByRole("button").disabled).toBe(true);
});

test("the form says what was wrong, and may be sent again", async () => {
  gateway = mockSession(null, { accounts: {} });
  render(<SignInForm query={{}} />);
  await submit();
  expect(alert()).toBe("Wrong email or password.");
  expect(screen.getByRole("button").disabled).toBe(false);
  gateway.fails({ status: 429, code: "rate_limited", retryAfter: 12 });
  await submit();
  expect(alert()).toBe("Too many attempts. (12 s)");
  gateway.fails({ status: 503, code: "backend_unavailable", message: "Sign-in does not answer." });
  await submit();
  expect(alert()).toBe("Sign-in does not answer.");
});

test("the form is sent again as it was sent first, so that a wrong password is no end", async () => {
  gateway = mockSession(null, { accounts: {} });
  render(<SignInForm query={{}} />);
  await submit();
  await submit();
  const [first, second] = gateway.requests.filter(({ method }) => method === "POST");
  expect(second.body).toEqual(first.body);
});

test("the form leads through the second factor", async () => {
  gateway = mockSession(null, { challenge: "123456" });
  render(<SignInForm query={{ next: "/acme/bills" }} />);
  await submit();
  type("Code", "000000");
  await submit();
  expect(alert()).toBe("Wrong code.");
  type("Code", "123456");
  await submit();
  expect(gateway.navigations).toEqual(["/acme/bills"]);
});

test("the form stays where it is told to", async () => {
  gateway = mockSession(null);
  render(<SignInForm query={{}} redirect={false} />);
  await submit();
  expect(gateway.navigations).toEqual([]);
  expect(getState().status).toBe("authenticated");
});

test("the list marks this device, and ends the other one", async () => {
  gateway = mockSession(signedIn);
  render(<DeviceList />);
  await screen.findByText("Firefox, Linux");
  const [here, there] = screen.getAllByRole("listitem");
  expect([here.getAttribute("aria-current"), there.getAttribute("aria-current")]).toEqual(["true", "false"]);
  expect(here.textContent).toContain("203.0.113.7");
  expect(here.textContent).toContain("This device");
  await act(async () => fireEvent.click(screen.getByLabelText("Sign out: Chrome, Linux")));
  await waitFor(() => expect(screen.getAllByRole("listitem")).toHaveLength(1));
  expect(gateway.navigations).toEqual([]);
});

test("the list ends this device as a sign-out does", async () => {
  gateway = mockSession(signedIn);
  render(<DeviceList redirect="/bye" />);
  await screen.findByText("Firefox, Linux");
  await act(async () => fireEvent.click(screen.getByLabelText("Sign out: Firefox, Linux")));
  await waitFor(() => expect(gateway.navigations).toEqual(["/bye"]));
});

test("the list ends all others, and all", async () => {
  gateway = mockSession(signedIn);
  render(<DeviceList />);
  await screen.findByText("Firefox, Linux");
  await act(async () => fireEvent.click(screen.getByText("Sign out others")));
  await waitFor(() => expect(screen.getAllByRole("listitem")).toHaveLength(1));
  await act(async () => fireEvent.click(screen.getByText("Sign out all")));
  await waitFor(() => expect(gateway.navigations).toEqual(["/"]));
});

test("the list says when it cannot be had", async () => {
  gateway = mockSession(signedIn);
  gateway.fails({ status: 501, code: "not_supported_by_backend", message: "The backend keeps no list." });
  render(<DeviceList />);
  await waitFor(() => expect(alert()).toBe("The backend keeps no list."));
});

test.each([
  ["Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36 Edg/156.0.0.0", "Edge, Windows"],
  ["Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Safari/605.1.15", "Safari, Mac"],
  ["Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Mobile/15E148 Safari/604.1", "Safari, iPhone"],
  ["Mozilla/5.0 (Linux; Android 16; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Mobile Safari/537.36", "Chrome, Android"],
  ["curl/8.14.1", "curl/8.14.1"],
])("the list names %s", async (userAgent, name) => {
  gateway = mockSession(signedIn);
  const { sessions } = JSON.parse(gateway.answer("GET", "/api/auth/sessions").body);
  sessions[0].device.userAgent = userAgent;
  const { fetch } = globalThis;
  globalThis.fetch = async () => Response.json({ sessions: sessions.slice(0, 1) });
  render(<DeviceList />);
  await screen.findByText(name);
  globalThis.fetch = fetch;
});
