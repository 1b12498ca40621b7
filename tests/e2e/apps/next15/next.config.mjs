import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

/** @type {import("next").NextConfig} */
export default {
  poweredByHeader: false,
  // Named, because Next.js would otherwise guess it from lock files further up.
  outputFileTracingRoot: dirname(fileURLToPath(import.meta.url)),
};
