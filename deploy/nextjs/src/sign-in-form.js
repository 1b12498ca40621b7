"use client";

import { createElement as h, useState, useSyncExternalStore } from "react";
import { signIn } from "./session.js";

const TEXTS = {
  email: "Email",
  password: "Password",
  code: "Code",
  submit: "Sign in",
  invalid_credentials: "Wrong email or password.",
  invalid_challenge: "Wrong code.",
  account_disabled: "Account disabled.",
  account_locked: "Account locked.",
  session_limit: "Signed in on too many devices.",
  session_revoked: "Your session was ended.",
  session_expired: "Your session has expired.",
  session_idle: "Your session was idle.",
  rate_limited: "Too many attempts.",
  no_session: "",
  other: "Please sign in again.",
};

const first = (value) => [value].flat()[0];

/**
 * The whole sign-in: a plain HTML form, which the gateway answers without JavaScript too. `query` is the page's
 * `searchParams`, from which it takes the way back, why somebody is here, and a second factor that is due.
 */
export function SignInForm({ query, next, redirect, texts, children, ...rest }) {
  const search = useSyncExternalStore(() => () => {}, () => location.search, () => "");
  const given = query || Object.fromEntries(new URLSearchParams(search));
  const [now, setNow] = useState();
  const [busy, setBusy] = useState();
  const back = next ?? first(given.next);
  const { code, message, retryAfter, challenge } = now || {
    code: first(given.error) || first(given.reason),
    challenge: first(given.challenge),
  };
  // Without a prototype, because the code comes out of the address.
  const words = { __proto__: null, ...TEXTS, ...texts };

  async function submit(event) {
    event.preventDefault();
    const { email, password, challenge_code } = Object.fromEntries(new FormData(event.currentTarget));
    setBusy(true);
    try {
      const answer = await signIn(email, password, {
        redirect,
        next: back,
        challenge: challenge ? { id: challenge, code: challenge_code } : undefined,
      });
      setNow({ challenge: answer.challenge?.id });
      // While the page is being left, a second sign-in would be one too many.
      if (!answer.challenge && redirect !== false) return;
    } catch ({ code, message, retryAfter }) {
      setNow({ code, message, retryAfter, challenge: code !== "invalid_credentials" && challenge });
    }
    setBusy();
  }

  const field = (name, label, autoComplete, props) =>
    h(
      "label",
      null,
      label,
      h("input", { name, type: name, autoComplete, required: true, ...props }),
    );
  return h(
    "form",
    { className: "sidgate-form", ...rest, method: "post", action: "/api/auth/session-v2", onSubmit: submit },
    h("input", { type: "hidden", name: "next", value: back || "" }),
    field("email", words.email, "username"),
    field("password", words.password, "current-password"),
    challenge && h("input", { type: "hidden", name: "challenge_id", value: challenge }),
    challenge && field("challenge_code", words.code, "one-time-code", { type: "text", autoFocus: true }),
    h(
      "p",
      { role: "alert" },
      code && (words[code] ?? message ?? words.other),
      retryAfter > 0 && ` (${retryAfter} s)`,
    ),
    children,
    h("button", { disabled: busy }, words.submit),
  );
}
