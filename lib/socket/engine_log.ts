/**
 * Writes down what the engine does (`WEBSOCKET_SERVER_ENGINEIO_LOGGING`). Neither URLs nor whole connection ids: the
 * one may carry a token, and the other is all it takes to speak for a polling client.
 */
import type { Engine } from "../engine/mod.ts";
import type { Log } from "../log.ts";

// enough to tell connections apart
const SHOWN = 8;

/** Logs the connections of `engine`, from now on. */
export function logEngine(engine: Engine, log: Log): void {
  engine.on("connection", (socket) => {
    const id = socket.id.slice(0, SHOWN);
    log.info("A connection opened", { id, transport: socket.transport.name });
    socket.on(
      "upgrade",
      (transport) => log.info("A connection was upgraded", { id, transport: transport.name }),
    );
    socket.on("close", (reason) => log.info("A connection closed", { id, reason }));
  });
  engine.on("connection_error", ({ code, message }) => log.info("A request was refused", { code, message }));
}
