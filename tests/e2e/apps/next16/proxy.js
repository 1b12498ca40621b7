import { gate } from "./gate.js";

export function proxy(request) {
  return gate(request);
}

export const config = { matcher: ["/((?!_next/static|_next/image|favicon.ico|api/).*)"] };
