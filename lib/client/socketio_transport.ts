/** The transport on socket.io-client, the only importer of it. It opens and cuts when told, and never reconnects by itself. */
import { io } from "socket.io-client";
import { PROTOCOL_VERSION } from "../protocol/events.ts";
import type { Transport, TransportHandlers, TransportTarget } from "./transport.ts";

/** Options of {@linkcode createSocketIoTransport}. */
export interface SocketIoTransportOptions extends TransportTarget {
  /** Wires to try, in this order. @default ["websocket", "polling"] */
  transports?: ("websocket" | "polling")[];
}

/** One Socket for all connects, because it keeps the id and the offset that a recovery needs. */
export function createSocketIoTransport(options: SocketIoTransportOptions): Transport {
  const { url, path, transports = ["websocket", "polling"] } = options;
  let token = "";
  let handlers: TransportHandlers | null = null;

  const socket = io(url ?? "", {
    path,
    transports,
    tryAllTransports: true,
    reconnection: false,
    autoConnect: false,
    forceNew: true,
    auth: (send) => send({ token, protocol: PROTOCOL_VERSION }),
  });

  /** Ends the line for the one who opened it; the result may tell them why. */
  function finish(): TransportHandlers | null {
    const told = handlers;
    handlers = null;
    // what the library kept back would go out with the next connect, long after it was reported as failed
    socket.sendBuffer = [];
    socket.receiveBuffer = [];
    return told;
  }

  socket.io.on("open", () => {
    const { engine } = socket.io;
    engine.on("upgrade", () => {
      if (engine === socket.io.engine) handlers?.onUpgrade(engine.transport.name);
    });
  });
  socket.onAny((event: string, ...args: unknown[]) => {
    const last = args.at(-1);
    // a trailing string is the recovery offset, a trailing function the acknowledgement
    handlers?.onEvent(event, args[0], typeof last === "function" ? (value) => last(value) : undefined);
  });
  socket.on("connect_error", (error: Error & { data?: unknown }) => {
    const { message, data } = error;
    if (data === undefined) finish()?.onClosed(message);
    else finish()?.onRefused(message, data);
  });
  socket.on("disconnect", (reason) => finish()?.onClosed(reason));

  return {
    get wire() {
      return handlers ? socket.io.engine?.transport?.name ?? "" : "";
    },
    open(current, told) {
      token = current;
      handlers = told;
      socket.connect();
    },
    emit(event, payload, ack) {
      if (ack) socket.emit(event, payload, ack);
      else socket.emit(event, payload);
    },
    drop() {
      finish();
      socket.io._close(); // without a DISCONNECT packet, after which the server would forget the session
    },
    close() {
      finish();
      socket.disconnect();
    },
  };
}
