// The demo's calls to Django outside the session contract, with a key of their own. Only server code imports this.
const DJANGO = process.env.DEMO_DJANGO_URL ?? "http://127.0.0.1:8000";

/** Posts JSON on behalf of a browser's request, and gives the answer; throws when there is none that counts. */
export async function askDjango(path: string, body: unknown, from: Request): Promise<{ status: number; body: any }> {
  const answer = await fetch(`${DJANGO}/demo/${path}/`, {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      "X-Demo-Key": process.env.DEMO_KEY ?? "",
      // For the person's list of devices. The gateway writes X-Forwarded-For: it is one address, and not the browser's word.
      "X-Client-Ip": from.headers.get("x-forwarded-for") ?? "",
      "User-Agent": from.headers.get("user-agent") ?? "",
    },
    body: JSON.stringify(body),
    redirect: "error",
    signal: AbortSignal.timeout(8000),
  });
  if (answer.status >= 500) throw new Error(`Django answered ${answer.status}`);
  return { status: answer.status, body: await answer.json() };
}
