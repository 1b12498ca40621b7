import { cookies, headers } from "next/headers";

/** What the gateway says and which cookies came along. */
export async function seen() {
  const [asked, jar] = await Promise.all([headers(), cookies()]);
  return {
    status: asked.get("x-auth-status"),
    user: asked.get("x-auth-user-id"),
    cookies: jar.getAll().map((cookie) => cookie.name).sort().join(" ") || "none",
  };
}
