"use strict";
const all = (selector, each) => document.querySelectorAll(selector).forEach(each);
const say = (text) => { document.getElementById("say").textContent = text; };
const session = "/api/auth/session-v2";

all("[data-needs-script]", (element) => { element.hidden = false; });

all("[data-fill]", (button) => button.addEventListener("click", () => {
  document.getElementById("email").value = button.dataset.fill;
  document.getElementById("password").value = button.dataset.password;
}));

// Without this the form works as well; with it, a code is asked for on the spot and nothing is typed twice.
all("[data-sign-in]", (form) => form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const { challenge_id: id, challenge_code: code, ...fields } = Object.fromEntries(new FormData(form));
  const body = JSON.stringify(id ? { ...fields, challenge: { id, code } } : fields);
  const sent = { method: "POST", headers: { "content-type": "application/json" }, body };
  const answer = await fetch(session, sent).catch(() => null);
  const known = answer ? await answer.json().catch(() => ({})) : {};
  if (known.redirectTo) { location.assign(known.redirectTo); return; }
  if (known.challenge) {
    const part = form.querySelector("[data-challenge]");
    part.hidden = false;
    form.elements.challenge_id.value = known.challenge.id;
    form.elements.challenge_code.value = "";
    form.elements.challenge_code.focus();
    say("");
    return;
  }
  say(known.error ? known.error.message : "The gateway did not answer. Try again.");
}));

all("[data-sign-out]", (button) => button.addEventListener("click", async () => {
  try {
    const answer = await fetch(session, { method: "DELETE" });
    if (!answer.ok) { say(`Sign-out was answered with ${answer.status}. You may still be signed in.`); return; }
    location.assign("/auth/signin");
  } catch { say("Sign-out did not reach the gateway. You are still signed in."); }
}));

all("[data-whoami]", (button) => button.addEventListener("click", async () => {
  const output = document.getElementById("whoami");
  try {
    const answer = await fetch("/api/whoami", { headers: { accept: "application/json" } });
    const text = await answer.text();
    let shown = text;
    try { shown = JSON.stringify(JSON.parse(text), null, 2); } catch { /* no JSON: as it came */ }
    output.textContent = `${answer.status} ${answer.statusText}\n${shown}`;
  } catch (error) { output.textContent = `No answer: ${error.message}`; }
}));

all("[data-tenants]", async (card) => {
  const answer = await fetch(session).catch(() => null);
  const known = answer && answer.ok ? await answer.json() : {};
  const others = (known.tenants || []).filter((tenant) => tenant.id !== known.tenantId);
  for (const tenant of others) {
    const button = document.createElement("button");
    button.className = "quiet";
    button.textContent = `Switch to ${tenant.name}`;
    button.dataset.testid = `switch-to-${tenant.slug}`;
    button.addEventListener("click", async () => {
      const switched = await fetch(`${session}/tenant`, {
        method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ tenantId: tenant.id }),
      }).catch(() => null);
      if (switched && switched.ok) location.assign(`/${encodeURIComponent(tenant.slug)}/dashboard`);
      else say(`The switch was answered with ${switched ? switched.status : "nothing"}.`);
    });
    card.querySelector(".row").append(button);
  }
  card.hidden = others.length === 0;
});

all("[data-events]", (list) => {
  const state = document.getElementById("live-state");
  const source = new EventSource("/api/events");
  source.onopen = () => { state.textContent = "open"; };
  source.onmessage = (event) => {
    const { n, at, user } = JSON.parse(event.data);
    document.getElementById("live-count").textContent = n;
    list.textContent = `${String(n).padStart(5)}  ${at.slice(0, 23)}  user ${user}\n${list.textContent.split("\n").slice(0, 11).join("\n")}`;
  };
  source.onerror = () => {
    const over = source.readyState === EventSource.CLOSED;
    state.textContent = over ? "ended, and refused when it was opened again: no longer signed in?" : "broken off, trying again";
  };
});
