// A button in the corner that opens the switcher of `sidgate dev`. Nothing but `sidgate dev` serves this file.
(() => {
  if (window.top !== window || document.getElementById("sidgate-dev")) return;
  const host = document.createElement("div");
  host.id = "sidgate-dev";
  const root = host.attachShadow({ mode: "open" });
  // Made here and not written inline, so that a Content-Security-Policy of the application has nothing against it.
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`
    :host { all: initial; position: fixed; right: 16px; bottom: 16px; z-index: 2147483647; color-scheme: light dark }
    button { display: grid; place-items: center; margin-left: auto; width: 40px; height: 40px; padding: 0; border: 0;
      border-radius: 12px; background: #2456d6; cursor: pointer; box-shadow: 0 2px 10px #0005 }
    button:focus-visible { outline: 3px solid #8fb0ff }
    iframe { display: block; width: min(400px, calc(100vw - 32px)); height: min(600px, calc(100vh - 90px));
      margin-bottom: 10px; border: 1px solid #8888; border-radius: 12px; box-shadow: 0 6px 30px #0006 }
  `);
  root.adoptedStyleSheets = [sheet];
  const button = document.createElement("button");
  button.type = "button";
  button.title = "sidgate dev";
  button.setAttribute("aria-label", "Switch user, tenant and onboarding (sidgate dev)");
  button.setAttribute("aria-expanded", "false");
  const drawing = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  drawing.setAttribute("viewBox", "0 0 16 16");
  drawing.setAttribute("width", "24");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
  for (const [name, value] of Object.entries({ d: "M4 13V7a4 4 0 018 0v6", fill: "none", stroke: "#fff", "stroke-width": "2" })) {
    line.setAttribute(name, value);
  }
  drawing.append(line);
  button.append(drawing);
  button.addEventListener("click", () => {
    const open = root.querySelector("iframe");
    button.setAttribute("aria-expanded", String(!open));
    if (open) return open.remove();
    const panel = document.createElement("iframe");
    panel.title = "sidgate dev";
    panel.src = "/__sidgate/?panel=1&back=" + encodeURIComponent(location.pathname + location.search);
    root.prepend(panel);
  });
  root.append(button);
  // Beside the body, which belongs to the application's framework.
  document.documentElement.append(host);
})();
