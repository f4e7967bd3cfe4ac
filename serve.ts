/** The process: serves the built app on the configured port and leaves in good order on SIGTERM or SIGINT. */
import { SOCKET_PATH } from "./lib/protocol/events.ts";
import { guardRequests } from "./lib/web/request_guard.ts";
import { tether } from "./main.ts";

const { config, log } = tether;

// not a literal: the build makes this file, and checking the sources must not need it
const built = new URL("./_fresh/server.js", import.meta.url).href;
const { default: app } = await import(built) as { default: { fetch: Deno.ServeHandler } };

const answerPage = guardRequests(app.fetch);
/** What a connection asks for does not go through the app, which would read every address three times. */
function answer(request: Request, info: Deno.ServeHandlerInfo): Response | Promise<Response> {
  const { url } = request;
  const isSocket = url.startsWith(SOCKET_PATH, url.indexOf("/", "https://".length));
  return isSocket ? tether.handleSocket(request, info) : answerPage(request, info);
}

const server = Deno.serve({
  port: config.port,
  hostname: config.hostname,
  onListen({ hostname, port }) {
    const host = ["0.0.0.0", "127.0.0.1", "::"].includes(hostname) ? "localhost" : hostname;
    log.info(`Tether is at http://${host}:${port}`);
  },
  onError(error) {
    log.error("A request failed", { error });
    return new Response("Internal Server Error", { status: 500 });
  },
}, answer);

let leaving = false;
async function leave(signal: Deno.Signal): Promise<void> {
  // a second signal means now
  if (leaving) Deno.exit(1);
  leaving = true;
  log.info("Leaving", { signal });
  await tether.drain();
  await server.shutdown();
  await tether[Symbol.asyncDispose]();
  Deno.exit(0);
}
for (const signal of ["SIGTERM", "SIGINT"] as const) Deno.addSignalListener(signal, () => void leave(signal));
