"use client";

import { createElement as h, useEffect, useState } from "react";
import { endDevices, getDevices, signOut } from "./session.js";

const TEXTS = {
  current: "This device",
  end: "Sign out",
  others: "Sign out others",
  all: "Sign out all",
};

// What a browser says of itself, and how people call it; the first that is there counts.
const BROWSERS = "Edg:Edge,OPR:Opera,Firefox,Chrome,Safari";
const SYSTEMS = "iPhone,Android,Windows,Mac,Linux";

const find = (agent, names) =>
  names
    .split(",")
    .find((name) => agent.includes(name.split(":")[0]))
    ?.replace(/.*:/, "");

/** "Firefox, Linux"; for a program that is no browser what it says. */
function named(agent = "") {
  const browser = find(agent, BROWSERS);
  return browser ? `${browser}, ${find(agent, SYSTEMS)}` : agent;
}

/** Where one is signed in, newest first as the gateway says, each with a button that ends it. */
export function DeviceList({ redirect, texts, ...rest }) {
  const [devices, setDevices] = useState([]);
  const [failed, setFailed] = useState();
  const words = { ...TEXTS, ...texts };

  async function act(end) {
    try {
      await end?.();
      setDevices(await getDevices());
      setFailed();
    } catch ({ code, message }) {
      setFailed(words[code] ?? message);
    }
  }
  useEffect(() => void act(), []);

  const button = (text, end, name) =>
    h("button", { type: "button", "aria-label": name && `${text}: ${name}`, onClick: () => act(end) }, text);
  return h(
    "div",
    { className: "sidgate-devices", ...rest },
    h("p", { role: "alert" }, failed),
    h(
      "ul",
      null,
      devices.map(({ publicId, current, lastActivity, device: { ip, userAgent } }) =>
        h(
          "li",
          { key: publicId, "aria-current": current },
          h("b", null, named(userAgent)),
          ` ${ip} `,
          h("time", { dateTime: lastActivity }, new Date(lastActivity).toLocaleString()),
          " ",
          current && h("em", null, words.current),
          button(words.end, () => (current ? signOut({ redirect }) : endDevices(publicId)), named(userAgent)),
        ),
      ),
    ),
    button(words.others, () => endDevices("others")),
    button(words.all, () => endDevices("all", { redirect })),
  );
}
