import { act, cleanup, render, renderHook, screen, waitFor } from "@testing-library/react";
import React, { StrictMode } from "react";
import { hydrateRoot } from "react-dom/client";
import { renderToString } from "react-dom/server";
import { afterEach, expect, test, vi } from "vitest";
import { SessionProvider, sessionManager, useSession, withSession } from "../src/index.js";
import { mockSession, newcomer, signedIn } from "../src/testing.js";

let gateway;
afterEach(() => {
  cleanup();
  gateway?.restore();
  history.replaceState(null, "", "/");
});

const Name = () => {
  const { user, status } = useSession();
  return <p>{user ? user.name : status}</p>;
};

test(`runs with React ${process.env.REACT ?? "19"}`, () => {
  expect(React.version.split(".")[0]).toBe(process.env.REACT ?? "19");
});

test("the hook gives everything that it promises", () => {
  gateway = mockSession(signedIn);
  const { result } = renderHook(() => useSession());
  expect(result.current).toMatchObject({
    user: { id: "1", email: "alice@acme.test", name: "Alice", role: "owner" },
    isAuthenticated: true, tenantId: signedIn.tenantId, needsOnboarding: false, loading: false, error: null,
    status: "authenticated", reason: null, session: { permissions: ["invoices.view"] },
  });
  for (const name of ["refresh", "signIn", "signOut"]) expect(result.current[name]).toBeTypeOf("function");
});

test("the hook asks on mount, once for all, in StrictMode too, and signs in and out", async () => {
  gateway = mockSession();
  gateway.becomes(signedIn);
  render(<StrictMode><Name /><Name /></StrictMode>);
  expect(screen.getAllByText("loading")).toHaveLength(2);
  await waitFor(() => expect(screen.getAllByText("Alice")).toHaveLength(2));
  expect(gateway.requests).toHaveLength(1);
  await act(() => sessionManager.logout());
  expect(screen.getAllByText("unauthenticated")).toHaveLength(2);
});

test("a gateway that fails leaves the user on the page, with the error", async () => {
  gateway = mockSession(signedIn);
  const { result } = renderHook(() => useSession());
  gateway.fails({ status: 503, code: "backend_unavailable" });
  await act(() => result.current.refresh());
  expect(result.current).toMatchObject({ isAuthenticated: true, user: { name: "Alice" }, error: { code: "backend_unavailable" } });
});

test("while nothing is known a failure is no sign-out: it goes on loading", async () => {
  gateway = mockSession();
  gateway.fails({ status: 503 });
  const { result } = renderHook(() => useSession());
  await waitFor(() => expect(result.current.error).toMatchObject({ status: 503 }));
  expect(result.current).toMatchObject({ loading: true, status: "loading", isAuthenticated: false });
});

test("what the server knows is there from the first byte: no flash, no mismatch, no question", async () => {
  gateway = mockSession();
  gateway.becomes(signedIn);
  const page = <SessionProvider initial={{ ...signedIn }}><Name /></SessionProvider>;
  const host = document.createElement("div");
  host.innerHTML = renderToString(page);
  expect(host.textContent).toBe("Alice");
  const complaints = vi.spyOn(console, "error");
  const shown = [];
  new MutationObserver(() => shown.push(host.textContent)).observe(host, { subtree: true, childList: true, characterData: true });
  const onRecoverableError = vi.fn();
  const root = await act(async () => hydrateRoot(host, page, { onRecoverableError }));
  expect(host.textContent).toBe("Alice");
  expect([gateway.requests, shown, complaints.mock.calls, onRecoverableError.mock.calls]).toEqual([[], [], [], []]);
  act(() => root.unmount());
});

test("on the server nobody is told of anybody else", () => {
  renderToString(<SessionProvider initial={{ ...signedIn }}><Name /></SessionProvider>);
  expect(renderToString(<Name />)).toBe("<p>loading</p>");
});

test("a provider that knows nobody lets the browser ask", async () => {
  gateway = mockSession();
  gateway.becomes(signedIn);
  render(<SessionProvider initial={null}><Name /></SessionProvider>);
  screen.getByText("loading");
  await screen.findByText("Alice");
});

test("a page that the server makes anew asks anew, and does not overwrite what is known", async () => {
  gateway = mockSession();
  gateway.becomes(newcomer);
  const page = (session) => <SessionProvider initial={session}><Name /></SessionProvider>;
  const { rerender } = render(page({ ...signedIn }));
  screen.getByText("Alice");
  rerender(page({ ...signedIn, user: { ...signedIn.user, name: "Alice of yesterday" } }));
  await screen.findByText("Newbie");
});

test("withSession shows the page to whoever is signed in", () => {
  gateway = mockSession(signedIn);
  const Page = withSession(({ title }) => <h1>{title}</h1>, { fallback: <i>...</i> });
  render(<Page title="Bills" />);
  screen.getByText("Bills");
  expect(gateway.navigations).toEqual([]);
});

test("withSession waits, and sends whoever is not signed in to sign in and back, with the reason", async () => {
  history.replaceState(null, "", "/acme/bills?year=2026");
  gateway = mockSession();
  gateway.ends("session_idle");
  const Page = withSession(() => <h1>Bills</h1>, { fallback: <i>wait</i>, signInPage: "/login" });
  render(<StrictMode><Page /></StrictMode>);
  screen.getByText("wait");
  expect(gateway.navigations).toEqual([]);
  await waitFor(() => expect(gateway.navigations).not.toEqual([]));
  expect(new Set(gateway.navigations)).toEqual(new Set(["/login?next=%2Facme%2Fbills%3Fyear%3D2026&reason=session_idle"]));
  screen.getByText("wait");
});

test("withSession sends nobody anywhere while the gateway fails", async () => {
  gateway = mockSession();
  gateway.fails({ status: 503 });
  const Page = withSession(() => <h1>Bills</h1>, { fallback: <i>wait</i> });
  render(<Page />);
  await waitFor(() => expect(gateway.requests).toHaveLength(1));
  screen.getByText("wait");
  expect(gateway.navigations).toEqual([]);
});

test("withSession sends to onboarding who needs it, unless it is to be ignored, and never in circles", () => {
  gateway = mockSession(newcomer);
  const Bills = () => <h1>Bills</h1>;
  const Required = withSession(Bills, { fallback: <i>wait</i> });
  const { unmount } = render(<Required />);
  expect(gateway.navigations).toEqual(["/onboarding"]);
  screen.getByText("wait");
  unmount();
  const Ignoring = withSession(Bills, { onboarding: "ignore" });
  render(<Ignoring />);
  screen.getByText("Bills");
  history.replaceState(null, "", "/onboarding");
  render(<Required />);
  expect(gateway.navigations).toEqual(["/onboarding"]);
});
