/** The process: serves the built app on the configured port and leaves in good order on SIGTERM or SIGINT. */
import { delay } from "./lib/supervise.ts";
import { collectsFragments, createMemoryGuard, memoryLimit } from "./lib/memory_guard.ts";
import { starting } from "./lib/start_error.ts";
import { guardRequests } from "./lib/web/request_guard.ts";
import { tether } from "./main.ts";

const { config, log } = tether;

// not a literal: the build makes this file, and checking the sources must not need it
const built = new URL("./_fresh/server.js", import.meta.url).href;
const { default: app } = await import(built) as { default: { fetch: Deno.ServeHandler } };

// a task runner passes on the signal that its process group has got already: copies of one come within milliseconds
const SECOND_PRESS_MS = 500;
// what a request that never ends may cost after the last session has gone
const LAST_REQUESTS_MS = 2000;
// what fills the memory goes on doing so
const MEMORY_DRAIN_MS = 2000;
let askedAt: number | undefined;

async function leave(reason: Deno.Signal | "memory"): Promise<void> {
  if (askedAt !== undefined) {
    if (performance.now() - askedAt >= SECOND_PRESS_MS) Deno.exit(1);
    return;
  }
  askedAt = performance.now();
  log.info("Leaving; a second signal ends it now", { reason });
  await tether.drain(reason === "memory" ? { withinMs: MEMORY_DRAIN_MS } : {});
  await Promise.race([server.shutdown(), delay(LAST_REQUESTS_MS)]);
  await Promise.race([tether[Symbol.asyncDispose](), delay(LAST_REQUESTS_MS)]);
  Deno.exit(reason === "memory" ? 1 : 0);
}
// before it listens: whoever sees it listen may stop it
for (const signal of ["SIGTERM", "SIGINT"] as const) Deno.addSignalListener(signal, () => void leave(signal));

const server = await starting(() =>
  Deno.serve({
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
  }, guardRequests(app.fetch))
);

createMemoryGuard({
  limitBytes: config.memoryLimitMb === undefined ? await memoryLimit() : config.memoryLimitMb * 1024 * 1024,
  log,
  onLevel(level) {
    tether.relieve(level !== "calm");
    if (level === "exhausted") void leave("memory");
  },
});
if (collectsFragments()) {
  log.warn(
    "This Deno collects fragmented WebSocket messages without bound: MEMORY_LIMIT_MB guards the process",
    {
      deno: Deno.version.deno,
    },
  );
}
