// The gateway's codes in words for people.
const WORDS: Record<string, string> = {
  invalid_credentials: "That email address and password do not belong together.",
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
  unavailable: "The backend does not answer right now. Please try again in a moment.",
};

export function inWords(code: string): string {
  return WORDS[code] ?? `That did not work (${code.slice(0, 60)}). Please try again.`;
}

/** The first value of a query parameter that may have been given several times. */
export function first(value: string | string[] | undefined): string {
  return (Array.isArray(value) ? value[0] : value) ?? "";
}
