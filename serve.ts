/** The process: serves the built app on the configured port and leaves in good order on SIGTERM or SIGINT. */
import { startListener } from "./lib/listener.ts";
import { delay } from "./lib/supervise.ts";
import { collectsFragments, createMemoryGuard, memoryLimit } from "./lib/memory_guard.ts";
import { starting } from "./lib/start_error.ts";
import { SOCKET_PATH } from "./lib/protocol/events.ts";
import { guardRequests } from "./lib/web/request_guard.ts";
import { tether } from "./main.ts";

const { config, log } = tether;

// not a literal: the build makes this file, and checking the sources must not need it
const built = new URL("./_fresh/server.js", import.meta.url).href;
const { default: app } = await import(built) as { default: { fetch: Deno.ServeHandler } };

/** What a connection asks for does not go through the app, which would read every address three times. */
function answer(request: Request, info: Deno.ServeHandlerInfo): Response | Promise<Response> {
  const { url } = request;
  const isSocket = url.startsWith(SOCKET_PATH, url.indexOf("/", "https://".length));
  return isSocket ? tether.handleSocket(request, info) : app.fetch(request, info);
}

const handler = guardRequests(answer, {
  ownNamesOnly: config.demo && !config.trustProxy,
  names: [
    Deno.hostname(),
    ...config.corsOrigins.filter((origin) => origin !== "*").map((origin) => new URL(origin).hostname),
  ],
});

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

if (collectsFragments()) {
  const { deno } = Deno.version;
  log.warn("This Deno collects fragmented WebSocket messages without bound: MEMORY_LIMIT_MB guards it", {
    deno,
  });
}

const { port, hostname } = config;
const server = await starting(() => startListener({ port, hostname, handler, log }));

createMemoryGuard({
  limitBytes: config.memoryLimitMb === undefined ? await memoryLimit() : config.memoryLimitMb * 1024 * 1024,
  log,
  onLevel(level) {
    tether.relieve(level !== "calm");
    if (level === "exhausted") void leave("memory");
  },
});
