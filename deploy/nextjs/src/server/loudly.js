const said = new Set();

/** Says a thing once: it holds for every request, and a log of one line each would be read by nobody. */
export function loudly(key, text) {
  if (said.has(key)) return;
  said.add(key);
  console.warn(`sidgate: ${text}`);
}

/** For tests: everything is said again. */
export const forgetSaid = () => said.clear();
