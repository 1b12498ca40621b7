"use client";
import { useRouter } from "next/navigation";
import { useActionState, useState, useTransition } from "react";
import { save, tell } from "../app/settings/actions.js";

export function Refresh() {
  const router = useRouter();
  return <button onClick={() => router.refresh()} data-testid="refresh">Refresh</button>;
}

/** A server action as the action of a form. */
export function SaveForm() {
  const [said, action] = useActionState(save, "");
  return (
    <form action={action}>
      <input name="text" defaultValue="it" />
      <button data-testid="save">Save</button>
      <output data-testid="saved">{said}</output>
    </form>
  );
}

/** A server action that a script calls. */
export function Tell() {
  const [said, setSaid] = useState("");
  const [, start] = useTransition();
  return (
    <>
      <button onClick={() => start(async () => setSaid(await tell()))} data-testid="tell">Tell</button>
      <output data-testid="told">{said}</output>
    </>
  );
}

/** Asks every 100 ms, twenty times, whatever comes of it; and goes where an answer says. */
export function Poll() {
  const [said, setSaid] = useState("");
  async function poll() {
    const statuses = [];
    for (let n = 0; n < 20; n += 1) {
      const answer = await fetch("/tenant/poll");
      statuses.push(answer.redirected ? "redirected" : answer.status);
      await new Promise((done) => setTimeout(done, 100));
    }
    setSaid([...new Set(statuses)].join(" "));
  }
  return <><button onClick={poll} data-testid="poll">Poll</button><output data-testid="polled">{said}</output></>;
}
