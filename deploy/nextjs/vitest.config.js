import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { examples } from "./tests/examples.js";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const old = process.env.REACT === "18" ? here("tests/react18/node_modules/") : "";

export default defineConfig({
  plugins: [examples()],
  oxc: { jsx: { runtime: "automatic" } },
  resolve: {
    alias: [
      // As an application would have it in its tsconfig.json or jsconfig.json.
      { find: /^@\/(hooks|utils|components)\/(.*)$/, replacement: here("tests/app/$1/$2.js") },
      ...(old ? ["react-dom", "react", "@testing-library/react"].map((name) => ({ find: new RegExp(`^${name}(?=$|/)`), replacement: old + name })) : []),
    ],
  },
  test: { include: ["tests/**/*.test.{js,jsx}"], environment: "jsdom" },
});
