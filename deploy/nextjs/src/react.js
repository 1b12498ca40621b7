"use client";

import { createContext, createElement, useContext, useEffect, useMemo, useSyncExternalStore } from "react";
import { getState, onChange, refresh, sessionManager, signIn, signOut, start, UNKNOWN } from "./session.js";

const Initial = createContext();

/** Gives what the server knows to the hooks below it: no flash, no first question. Without `initial` it does nothing. */
export const SessionProvider = ({ initial, children }) => createElement(Initial.Provider, { value: initial }, children);

/** Who is signed in. The same everywhere on the page, and in every tab. */
export function useSession() {
  const initial = useContext(Initial);
  const first = useMemo(
    () => (initial ? { ...UNKNOWN, status: "authenticated", session: initial } : UNKNOWN),
    [initial],
  );
  // Before the subscription below, which asks when there is nothing.
  useEffect(() => start(initial), [initial]);
  const current = () => (getState() === UNKNOWN ? first : getState());
  const state = useSyncExternalStore(onChange, current, () => first);
  const { status, session } = state;
  return {
    ...state,
    loading: status === "loading",
    isAuthenticated: status === "authenticated",
    user: session?.user ?? null,
    tenantId: session?.tenantId ?? null,
    needsOnboarding: session?.needsOnboarding ?? false,
    refresh,
    signIn,
    signOut,
  };
}

/**
 * The component for those who are signed in; for others `fallback`, and they are sent to sign in and back. `onboarding`:
 * "required" sends those who need it to `onboardingPage`, "ignore" lets them in.
 */
export const withSession = (
  Component,
  { fallback = null, onboarding = "required", signInPage = "/auth/signin", onboardingPage = "/onboarding" } = {},
) =>
  function WithSession(props) {
    const { loading, isAuthenticated, reason, needsOnboarding } = useSession();
    const page = isAuthenticated ? needsOnboarding && onboarding === "required" && onboardingPage : !loading && signInPage;
    useEffect(() => {
      const { pathname, search } = location;
      // Whoever is there already is not sent there.
      if (page && page !== pathname)
        sessionManager.navigate(
          isAuthenticated ? page : `${page}?${new URLSearchParams({ next: pathname + search, reason })}`,
        );
    }, [page]);
    return isAuthenticated && !page ? createElement(Component, props) : fallback;
  };
