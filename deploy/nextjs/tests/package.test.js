// @vitest-environment node
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, test } from "vitest";

const KIT = fileURLToPath(new URL("..", import.meta.url));
const { exports, devDependencies } = JSON.parse(readFileSync(join(KIT, "package.json"), "utf8"));
let app;

// Installed as a stranger would, beside the React that is here already.
beforeAll(() => {
  app = mkdtempSync(join(tmpdir(), "sidgate-kit-"));
  writeFileSync(join(app, "package.json"), '{"name":"app","private":true,"type":"module"}');
  const [{ filename, files }] = JSON.parse(run("npm", ["pack", "--json", "--pack-destination", app], KIT));
  app = Object.assign(new String(app), { files: files.map(({ path }) => path) });
  run("tar", ["-xzf", filename], `${app}`);
  mkdirSync(join(`${app}`, "node_modules/@sidgate"), { recursive: true });
  cpSync(join(`${app}`, "package"), join(`${app}`, "node_modules/@sidgate/nextjs"), { recursive: true });
  for (const name of ["react", "react-dom", "jose", "@types", "scheduler", "csstype"]) {
    if (existsSync(join(KIT, "node_modules", name))) symlinkSync(join(KIT, "node_modules", name), join(`${app}`, "node_modules", name));
  }
}, 60_000);
afterAll(() => rmSync(`${app}`, { recursive: true, force: true }));

const run = (program, args, cwd) => execFileSync(program, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });

test("what the browser gets is under 3 KB, all of it", async () => {
  const { outputFiles } = await build({
    entryPoints: [join(KIT, "src/index.js")], bundle: true, minify: true, format: "esm", external: ["react"], write: false,
  });
  const size = gzipSync(outputFiles[0].contents, { level: 9 }).length;
  console.info(`the root entry with everything in it, minified and gzipped: ${size} bytes`);
  expect(size).toBeLessThan(3 * 1024);
});

test("an application that only asks who is signed in gets no forms", async () => {
  const stdin = { contents: 'export { useSession } from "@sidgate/nextjs";', resolveDir: `${app}` };
  const { outputFiles } = await build({ stdin, bundle: true, minify: true, format: "esm", external: ["react"], write: false });
  expect(outputFiles[0].text).not.toContain("label");
  console.info(`useSession alone: ${gzipSync(outputFiles[0].contents, { level: 9 }).length} bytes`);
});

test("the packet has all entries with their types, and no tests", () => {
  const named = Object.values(exports).flatMap((entry) => (typeof entry === "string" ? [] : Object.values(entry)));
  for (const path of named) expect(app.files).toContain(path.slice(2));
  expect(app.files.filter((path) => !/^(src\/|package\.json|README\.md)/.test(path))).toEqual([]);
});

test("every entry loads in plain Node", () => {
  const code = Object.keys(exports).filter((entry) => !entry.endsWith(".json")).map((entry) => `
    console.log(Object.keys(await import("@sidgate/nextjs${entry.slice(1)}")).join(" "));`).join("");
  writeFileSync(join(`${app}`, "load.mjs"), code);
  const [root, server] = run("node", ["load.mjs"], `${app}`).split("\n");
  expect(root).toBe("DeviceList SessionProvider SignInForm sessionManager useSession withSession");
  expect(server).toBe("KeysUnavailable backendFetch getServerSession");
});

test.each([["bundler", "esnext"], ["node16", "node16"]])("types hold with moduleResolution %s", (moduleResolution, module) => {
  const options = { moduleResolution, module, target: "es2022", lib: ["dom", "dom.iterable", "es2022"], jsx: "react-jsx",
    strict: true, noEmit: true, types: ["node", "react"], skipLibCheck: false };
  cpSync(join(KIT, "tests/usage.tsx"), join(`${app}`, "usage.tsx"));
  writeFileSync(join(`${app}`, "tsconfig.json"), JSON.stringify({ compilerOptions: options, files: ["usage.tsx"] }));
  try {
    run(join(KIT, "node_modules/.bin/tsc"), ["-p", "."], `${app}`);
  } catch (error) {
    expect(error.stdout).toBe("");
  }
}, 60_000);

test("tools are pinned", () => {
  for (const version of Object.values(devDependencies)) expect(version).toMatch(/^\d/);
});
