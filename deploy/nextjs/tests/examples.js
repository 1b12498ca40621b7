// The three code examples of the first design (first-design.md), as modules: word for word, with what they leave open
// around them.
import { readFileSync } from "node:fs";

const text = readFileSync(new URL("first-design.md", import.meta.url), "utf8");
const [fix, dashboard, signIn] = [...text.matchAll(/```javascript\n([\s\S]*?)```/g)].map(([, code]) => code);

// `location` stands in for the browser's: jsdom cannot reload.
const MODULES = {
  "example:fix-session.js": `export default (location) => {\n${fix}}`,
  "example:dashboard.jsx": `import React from "react";\n${dashboard}\nexport default Dashboard;\nlet router;\nexport const supply = (it) => (router = it);`,
  "example:sign-in.js":
    `import { sessionManager } from "@/utils/sessionManager-v2";\nexport default async (email, password) => {\n${signIn}};`,
};

export function examples() {
  return {
    name: "examples",
    enforce: "pre",
    resolveId: (id) => (id in MODULES ? `/@examples/${id.slice("example:".length)}` : undefined),
    load: (id) => MODULES[id.replace("/@examples/", "example:")],
  };
}
