/** The line to the server as the connection manager needs it. An interface only; the one on socket.io-client is beside it. */

/** What a transport tells of one `open`. */
export interface TransportHandlers {
  /** An event of the server; `answer` is there when it wants an acknowledgement. */
  onEvent(event: string, payload: unknown, answer?: (value: unknown) => void): void;
  /** The server refused the handshake with a reason (contract §1); the line is down. */
  onRefused(message: string, data: unknown): void;
  /** The line could not be opened, or went down. */
  onClosed(reason: string): void;
  /** The line now runs over another wire, for instance `websocket` after `polling`. */
  onUpgrade(wire: string): void;
}

/** A line that can be opened again and again, one at a time, and remembers what a recovery of the session needs. */
export interface Transport {
  /** What the open line runs over: `websocket`, `polling`; empty while there is none. */
  readonly wire: string;
  /** Opens the line with this token. Handlers of an earlier `open` are not called any more. */
  open(token: string, handlers: TransportHandlers): void;
  /** Sends an event on the open line, at most once; `ack` gets the raw acknowledgement. */
  emit(event: string, payload: unknown, ack?: (value: unknown) => void): void;
  /** Cuts the line so that the session can be recovered by the next `open`. Calls no handler. */
  drop(): void;
  /** Ends the session and the line. Calls no handler. */
  close(): void;
}

/** Makes a transport; called once in the life of a connection. */
export type CreateTransport = (target: TransportTarget) => Transport;

/** Where a transport leads. */
export interface TransportTarget {
  /** Origin of the server, for instance `https://app.example`; `undefined` means the page's own. */
  url: string | undefined;
  /** Path of the Socket.IO endpoint. */
  path: string;
}
