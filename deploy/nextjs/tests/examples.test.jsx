import { cleanup, render, screen, waitFor } from "@testing-library/react";
import React from "react";
import { afterEach, expect, test, vi } from "vitest";
import Dashboard, { supply } from "example:dashboard.jsx";
import fixSession from "example:fix-session.js";
import signIn from "example:sign-in.js";
import EmailPasswordSignIn from "@/components/EmailPasswordSignIn-v2";
import { mockSession, newcomer, signedIn } from "../src/testing.js";

let gateway;
afterEach(() => {
  cleanup();
  gateway.restore();
});

test("the console call of fix-session posts, and reloads the page", async () => {
  gateway = mockSession(signedIn);
  const reload = vi.fn();
  fixSession({ reload });
  await waitFor(() => expect(reload).toHaveBeenCalledOnce());
  expect(gateway.requests).toMatchObject([{ method: "POST", path: "/api/auth/fix-session" }]);
});

test("the dashboard welcomes to its tenant", () => {
  gateway = mockSession(signedIn);
  const push = vi.fn();
  supply({ push });
  render(<Dashboard />);
  screen.getByText(`Welcome to ${signedIn.tenantId} dashboard!`);
  expect(push).not.toHaveBeenCalled();
});

test("the dashboard sends a newcomer to onboarding", () => {
  gateway = mockSession(newcomer);
  const push = vi.fn();
  supply({ push });
  render(<Dashboard />);
  expect(push).toHaveBeenCalledWith("/onboarding");
});

test("the two-line sign-in goes to the right page by itself", async () => {
  gateway = mockSession(null, { accounts: { "a@acme.test": { password: "correct horse" } } });
  await signIn("a@acme.test", "correct horse");
  expect(gateway.navigations).toEqual(["/acme/dashboard"]);
});

test("the sign-in component is the kit's form", () => {
  gateway = mockSession(null);
  render(<EmailPasswordSignIn />);
  screen.getByLabelText("Email");
});
