// Stands between the application and Django, passes everything on, and notes the sids that Django gives the application.
import { createServer, request } from "node:http";

export async function overhear(target, sids) {
  const server = createServer((asked, answer) => {
    const on = request(target + asked.url, { method: asked.method, headers: asked.headers }, (said) => {
      let text = "";
      said.on("data", (part) => (text += part));
      said.on("end", () => {
        const sid = /"sid": ?"([^"]+)"/.exec(text)?.[1];
        if (sid) sids.push(sid);
        answer.writeHead(said.statusCode, said.headers).end(text);
      });
    });
    on.on("error", () => answer.destroy());
    asked.pipe(on);
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return { url: `http://127.0.0.1:${server.address().port}`, stop: () => (server.closeAllConnections(), server.close()) };
}
