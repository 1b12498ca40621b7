import { getServerSession } from "@sidgate/nextjs/server";

const PAUSE = 300;

/** Server-sent events, one per pause, until the browser goes away. */
export async function GET(request: Request) {
  if (!(await getServerSession())) return Response.json({ error: { code: "not_signed_in" } }, { status: 401 });
  let timer: NodeJS.Timeout;
  const stop = () => clearInterval(timer);
  const events = new ReadableStream<Uint8Array>({
    start(controller) {
      const text = new TextEncoder();
      let number = 0;
      const send = () => {
        const data = JSON.stringify({ number: ++number, at: new Date().toISOString() });
        controller.enqueue(text.encode(`id: ${number}\ndata: ${data}\n\n`));
      };
      send();
      timer = setInterval(send, PAUSE);
      request.signal.addEventListener("abort", stop);
    },
    cancel: stop,
  });
  return new Response(events, {
    // no-transform: a compressor would collect events before it lets them go.
    headers: { "Content-Type": "text/event-stream", "Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no" },
  });
}
