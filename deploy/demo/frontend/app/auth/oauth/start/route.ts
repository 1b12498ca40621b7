import { seeOther } from "@/lib/answers";
import { begin, provider } from "@/lib/oauth";

export async function GET(request: Request) {
  const at = provider();
  if (!at) return seeOther("/auth/signin?error=no_provider");
  const { location, cookie } = begin(request, at, new URL(request.url).searchParams.get("next") ?? "");
  return seeOther(location, { "Set-Cookie": cookie });
}
