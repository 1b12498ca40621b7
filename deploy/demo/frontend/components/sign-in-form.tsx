"use client";

import { useRef, useState, type FormEvent } from "react";
import { inWords } from "@/lib/words";

const ADDRESS = "/api/auth/session-v2";
const PASSWORD = "correct horse";
const PEOPLE = [
  { email: "alice@acme.test", about: "Acme, onboarded" },
  { email: "bob@globex.test", about: "Globex, onboarded" },
  { email: "carol@acme.test", about: "Acme and Globex" },
  { email: "dave@acme.test", about: "Acme, with a second factor" },
  { email: "newbie@example.test", about: "no company yet" },
];

/** A plain HTML form that the gateway answers by itself; with JavaScript the same call is made by fetch. */
export function SignInForm({ next, message, challenge: asked }: { next: string; message: string; challenge: string }) {
  const form = useRef<HTMLFormElement>(null);
  const [said, setSaid] = useState(message);
  const [busy, setBusy] = useState(false);
  // The id of the second factor that is due. Without JavaScript the gateway brings it in the address.
  const [challenge, setChallenge] = useState(asked);

  async function signIn(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const { challenge_id: id, challenge_code: code, ...fields } = Object.fromEntries(new FormData(event.currentTarget));
    setBusy(true);
    setSaid("");
    try {
      const answer = await fetch(ADDRESS, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(id ? { ...fields, challenge: { id, code } } : fields),
      });
      const body = await answer.json().catch(() => ({}));
      if (answer.ok && body.redirectTo) {
        location.assign(body.redirectTo);
        return;
      }
      if (answer.status === 202) setChallenge(String(body.challenge.id));
      else setSaid(inWords(body.error?.code ?? String(answer.status)));
    } catch {
      setSaid(inWords("unavailable"));
    }
    setBusy(false);
  }

  function fill(email: string) {
    for (const [name, value] of [["email", email], ["password", PASSWORD]]) {
      (form.current?.elements.namedItem(name) as HTMLInputElement).value = value;
    }
  }

  return (
    <div className="columns">
      <form ref={form} className="card" method="post" action={ADDRESS} onSubmit={signIn} data-testid="signin-form">
        <input type="hidden" name="next" value={next} />
        <label>
          Email
          <input name="email" type="email" required autoComplete="username" placeholder="alice@acme.test" data-testid="signin-email" />
        </label>
        <label>
          Password
          <input name="password" type="password" required autoComplete="current-password" placeholder={PASSWORD} data-testid="signin-password" />
        </label>
        {challenge && (
          <>
            <input type="hidden" name="challenge_id" value={challenge} />
            <label>
              Code
              <input name="challenge_code" required autoFocus inputMode="numeric" autoComplete="one-time-code" data-testid="signin-code" />
            </label>
            <p className="soft" data-testid="signin-challenge">
              A code is on its way to your mail; in this demo, mail is printed to <code>.run/django.log</code>. It is good
              for five minutes, together with your password. <a href={`/auth/signin?next=${encodeURIComponent(next)}`}>Start again</a>
            </p>
          </>
        )}
        <p role="alert" className="error" data-testid="signin-error">{said}</p>
        <button disabled={busy} data-testid="signin-submit">Sign in</button>
      </form>
      <aside className="card">
        <h2>Who there is</h2>
        <ul className="people">
          {PEOPLE.map(({ email, about }) => (
            <li key={email}>
              <button type="button" className="quiet" onClick={() => fill(email)} data-testid={`fill-${email.split("@")[0]}`}>
                {email}
              </button>{" "}
              {about}
            </li>
          ))}
        </ul>
        <p>Everybody&apos;s password is <code>{PASSWORD}</code>.</p>
      </aside>
    </div>
  );
}
