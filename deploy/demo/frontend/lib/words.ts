// The gateway's codes in words for people.
export const WORDS: Record<string, string> = {
  invalid_credentials: "That email address and password do not belong together.",
  invalid_challenge: "That code is wrong, or no longer good.",
  account_unknown: "Nobody here has that address. Sign up first.",
  oauth_refused: "Sign-in at the identity provider did not come to an end. Please try again.",
  no_provider: "There is no identity provider here.",
  email_taken: "Somebody has signed up with that email address already.",
  signup_name: "Please give your name, at most 150 characters.",
  signup_company: "Please give the company's name in at most 200 characters, or leave it out.",
  signup_email: "That is no email address.",
  signup_password: "The password is too short: 8 characters or more.",
  account_disabled: "This account is disabled.",
  account_locked: "This account is locked for now.",
  session_limit: "There are too many sessions already. Sign out somewhere else first.",
  session_unknown: "You were signed out: this session does not exist any more.",
  session_revoked: "You were signed out: this session was ended.",
  session_expired: "You were signed out: this session's time was over.",
  session_idle: "You were signed out: you had been away for long.",
  rate_limited: "Too many attempts. Please wait a little.",
  backend_unavailable: "Sign-in does not answer right now. Please try again in a moment.",
  company: "Please give the company's name, at most 200 characters.",
  unreachable: "The gateway does not answer right now. Please try again in a moment.",
  other: "That did not work. Please try again.",
  fresh_sign_in_required: "For this page, please sign in once more.",
  unavailable: "The backend does not answer right now. Please try again in a moment.",
};

export function inWords(code: string): string {
  return WORDS[code] ?? `That did not work (${code.slice(0, 60)}). Please try again.`;
}

/** The first value of a query parameter that may have been given several times. */
export function first(value: string | string[] | undefined): string {
  return (Array.isArray(value) ? value[0] : value) ?? "";
}
