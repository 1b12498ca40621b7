"use client";

import { useState } from "react";
import { useSession } from "@sidgate/nextjs";

export function SignOut() {
  const { signOut } = useSession();
  const [said, setSaid] = useState("");

  // 202 is fine too: the backend does not answer yet, but the cookie is gone and the gateway repeats the call until it does.
  const leave = () => signOut({ redirect: "/auth/signin" }).catch(({ code }) => setSaid(`Signing out did not work (${code}).`));

  return (
    <p>
      <button className="quiet" onClick={leave} data-testid="signout">Sign out</button>{" "}
      <span role="alert" className="error">{said}</span>
    </p>
  );
}

/** Fetches an address of our own origin and shows what came. */
export function Fetch({ path, testid }: { path: string; testid: string }) {
  const [shown, setShown] = useState("");

  async function ask() {
    try {
      const answer = await fetch(path, { cache: "no-store" });
      const text = await answer.text();
      setShown(`${answer.status}\n${pretty(text)}`);
    } catch (error) {
      setShown(String(error));
    }
  }

  return (
    <div>
      <button className="quiet" onClick={ask} data-testid={testid}>fetch {path}</button>
      {shown && <pre data-testid={`${testid}-output`}>{shown}</pre>}
    </div>
  );
}

function pretty(text: string) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text.slice(0, 2000);
  }
}
