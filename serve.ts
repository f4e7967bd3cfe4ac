/** The process: serves the built app on the configured port and leaves in good order on SIGTERM or SIGINT. */
import { guardRequests } from "./lib/web/request_guard.ts";
import { tether } from "./main.ts";

const { config, log } = tether;

// not a literal: the build makes this file, and checking the sources must not need it
const built = new URL("./_fresh/server.js", import.meta.url).href;
const { default: app } = await import(built) as { default: { fetch: Deno.ServeHandler } };

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
}, guardRequests(app.fetch));

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
