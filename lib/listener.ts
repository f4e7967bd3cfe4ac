/**
 * Listens for as long as the process serves. For want of descriptors the accepting of `Deno.serve` ends for good; the
 * connections that it has live on, and another listener takes its place on the same port.
 */
import type { Log } from "./log.ts";
import { delay } from "./supervise.ts";

interface ListenerOptions {
  port: number;
  hostname: string;
  handler: Deno.ServeHandler;
  log: Log;
}

interface Listener {
  /** Accepts nothing more, and resolves when what is under way has ended. */
  shutdown(): Promise<void>;
}

const AGAIN_MS = 200;

/** Starts to listen; throws as `Deno.serve` does when that cannot be. */
export function startListener({ port, hostname, handler, log }: ListenerOptions): Listener {
  let isOver = false;

  function listen(port: number): Deno.HttpServer<Deno.NetAddr> {
    return Deno.serve({
      port,
      hostname,
      onListen({ hostname, port }) {
        const host = ["0.0.0.0", "127.0.0.1", "::"].includes(hostname) ? "localhost" : hostname;
        log.info(`Tether is at http://${host}:${port}`);
      },
      onError(error) {
        log.error("A request failed", { error });
        return new Response("Internal Server Error", { status: 500 });
      },
    }, handler);
  }

  async function keepListening(): Promise<void> {
    while (!isOver) {
      try {
        return await server.finished;
      } catch (error) {
        log.error("The listener ended; another one is started", { error });
      }
      const { port } = server.addr;
      for (let listens = false; !listens && !isOver;) {
        await delay(AGAIN_MS);
        try {
          server = listen(port);
          listens = true;
        } catch (error) {
          log.debug("Nothing can listen yet", { error });
        }
      }
    }
  }

  let server = listen(port);
  void keepListening();
  return {
    shutdown() {
      isOver = true;
      return server.shutdown();
    },
  };
}
