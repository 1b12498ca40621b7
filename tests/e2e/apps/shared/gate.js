// The middleware that such an application brings along. It knows nothing of a gateway: whoever has one of two cookies is
// signed in for it, whatever they are worth.
import { NextResponse } from "next/server";

const COOKIES = ["sid", "session_token"];
const PROTECTED = [
  /^\/dashboard(\/|$)/,
  /^\/tenant\//,
  /^\/settings(\/|$)/,
  /^\/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(\/|$)/i,
];

export function gate(request) {
  const { pathname, search, searchParams } = request.nextUrl;
  const known = COOKIES.some((name) => request.cookies.has(name));
  if (!known && PROTECTED.some((pattern) => pattern.test(pathname))) {
    const address = new URL("/auth/signin", request.url);
    address.searchParams.set("returnTo", pathname + search);
    return NextResponse.redirect(address);
  }
  if (known && pathname === "/auth/signin") {
    return NextResponse.redirect(new URL(searchParams.get("returnTo") ?? "/dashboard", request.url));
  }
  // What it once wrote into a cookie, it believes for ever.
  if (request.cookies.get("onboardingCompleted")?.value === "false" && PROTECTED.some((pattern) => pattern.test(pathname))) {
    return NextResponse.redirect(new URL("/onboarding", request.url));
  }
  // Into several, which need not agree.
  if (request.cookies.get("setupComplete")?.value === "true" && pathname === "/onboarding") {
    return NextResponse.redirect(new URL("/dashboard", request.url));
  }
  // Nor does it ever stop to write.
  return pathname === "/dashboard/old" ? remembers(NextResponse.next()) : NextResponse.next();
}

function remembers(response) {
  response.cookies.set("session_token", "0190d6d2-7c2f-4a3b-8c4d-0123456789ab", { httpOnly: true, maxAge: 3600 });
  response.cookies.set("onboardingCompleted", "false", { maxAge: 3600 });
  response.cookies.set("theme", "light", { maxAge: 3600 });
  return response;
}
