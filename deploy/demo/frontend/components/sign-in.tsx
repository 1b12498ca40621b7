"use client";

import { useRef } from "react";
import { SignInForm } from "@sidgate/nextjs";
import { WORDS } from "@/lib/words";

const PASSWORD = "correct horse";
const PEOPLE = [
  { email: "alice@acme.test", about: "Acme, onboarded" },
  { email: "bob@globex.test", about: "Globex, onboarded" },
  { email: "carol@acme.test", about: "Acme and Globex" },
  { email: "dave@acme.test", about: "Acme, with a second factor" },
  { email: "newbie@example.test", about: "no company yet" },
];

type Props = { query: Record<string, string | string[] | undefined> };

/** The kit's form, in the demo's words, with the demo's people beside it. */
export function SignIn({ query }: Props) {
  const place = useRef<HTMLDivElement>(null);

  function fill(email: string) {
    for (const [name, value] of [["email", email], ["password", PASSWORD]]) {
      (place.current?.querySelector("form")?.elements.namedItem(name) as HTMLInputElement).value = value;
    }
  }

  return (
    <div className="columns" ref={place}>
      <SignInForm query={query} texts={WORDS} className="card signin" data-testid="signin-form" />
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
        <p className="soft">
          A code for dave is mailed, that is, printed to <code>.run/django.log</code>, and good for five minutes.
        </p>
      </aside>
    </div>
  );
}
