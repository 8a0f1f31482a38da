// Serves the page for development and tests, and hands /api/v0/exec on to a Warp 10 server.
// WARP10_URL names that server, PORT the port on this machine (0: any that is free, which is printed).
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer, request } from "node:http";
import { extname, join, normalize } from "node:path";

const upstream = new URL(process.env.WARP10_URL ?? "http://127.0.0.1:8080");
const dist = join(import.meta.dirname, "dist");
const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
};
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; " +
  "font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
// As the front has them: what a script may take, in seconds, points and bytes.
const LIMITS = { maxtime: 30, points: 10_000_000, script_bytes: 65_536, title: "HelloExoWorld" };

function say(answer, status, sentence) {
  answer.writeHead(status, { "Content-Type": "application/json" });
  answer.end(JSON.stringify({ error: sentence }));
}

function exec(asked, answer) {
  if (asked.method !== "POST") return say(answer, 405, "A script is sent with POST.");
  const passed = request(
    new URL("/api/v0/exec", upstream),
    { method: "POST", headers: { "Content-Type": "text/plain; charset=utf-8" } },
    (got) => {
      const headers = { "Content-Type": "application/json", "X-Content-Type-Options": "nosniff" };
      for (const name of ["x-warp10-error-message", "x-warp10-error-line"]) {
        if (got.headers[name]) headers[name] = got.headers[name];
      }
      answer.writeHead(got.statusCode, headers);
      got.pipe(answer);
    },
  );
  passed.on("error", () => {
    if (!answer.headersSent) say(answer, 503, "The database does not answer.");
    else answer.destroy();
  });
  answer.on("close", () => passed.destroy());
  asked.pipe(passed);
}

async function file(path, answer) {
  const name = normalize(path === "/" ? "/index.html" : path);
  const found = join(dist, name);
  const there = await stat(found).catch(() => undefined);
  if (!there?.isFile() || !TYPES[extname(name)]) return say(answer, 404, `There is no ${path} here.`);
  answer.writeHead(200, {
    "Content-Type": TYPES[extname(name)],
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
  });
  createReadStream(found).pipe(answer);
}

const server = createServer((asked, answer) => {
  const { pathname } = new URL(asked.url, "http://localhost");
  if (pathname === "/api/v0/exec") return exec(asked, answer);
  if (asked.method !== "GET") return say(answer, 405, "Only GET is answered here.");
  if (pathname === "/explorer.json") {
    answer.writeHead(200, { "Content-Type": "application/json" });
    return answer.end(JSON.stringify(LIMITS));
  }
  if (pathname === "/health") return answer.writeHead(200).end("ok\n");
  void file(decodeURIComponent(pathname), answer);
});
server.listen(Number(process.env.PORT ?? 8090), "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${server.address().port}/`);
});
