/**
 * The face of one client: what the owner of an engine, and Socket.IO, may do with a session. What the engine itself
 * does with one is in `session.ts`.
 */
import type { Packet } from "engine.io-parser";
import type { TransportName } from "./options.ts";
import type { EngineRequest } from "./request.ts";

/** Why a session ended. The first four are Engine.IO's own words. */
export type CloseReason =
  | "transport close"
  | "transport error"
  | "ping timeout"
  | "parse error"
  | "forced close"
  | "payload too large"
  | "too many frames"
  | "slow consumer";

/** The events of a session, and what their listeners get. */
export interface SocketEvents {
  /** A message arrived. Bytes are a `Uint8Array` on both transports. */
  data: [data: string | Uint8Array<ArrayBuffer>];
  /** The session is over. No other event follows. */
  close: [reason: CloseReason, description?: Error];
  /** The client reads too slowly. What was queued is gone; what the listener writes is the last that is sent. */
  slow: [bufferedBytes: number];
  /**
   * A message came that is larger than `maxPayload`, and is dropped: what a text begins with, else `""`. Whoever listens
   * decides what becomes of the session; without a listener it ends.
   */
  oversized: [head: string];
  /** A packet arrived. */
  packet: [packet: Packet];
  /** A packet is about to be written or queued. */
  packetCreate: [packet: Packet];
  /** Packets were handed to the transport. */
  flush: [packets: Packet[]];
  /** Nothing is queued any more. */
  drain: [];
  /** A pong arrived in time. */
  heartbeat: [];
  /** An upgrade was probed; it may still fail. */
  upgrading: [transport: CurrentTransport];
  /** The session goes on over `transport`. */
  upgrade: [transport: CurrentTransport];
  /** Never emitted: failures end the session and are told by `close`. Socket.IO listens for it. */
  error: [error: Error];
}

/** What can be sent as a message. */
export type BinaryOrText = string | ArrayBuffer | ArrayBufferView<ArrayBuffer>;

/** Options of `write`, for Socket.IO's sake: nothing in them changes what is sent. */
export interface WriteOptions {
  compress?: boolean;
  volatile?: boolean;
}

/** What carries a session at present. */
export interface CurrentTransport {
  readonly name: TransportName;
  /** Whether a message would leave now. Socket.IO drops volatile packets while it is false. */
  readonly writable: boolean;
}

type Listener<Name extends keyof SocketEvents> = (...args: SocketEvents[Name]) => void;

/** A client. The `connection` event of an engine hands it out. */
export interface EngineSocket {
  /** Secret between server and client: who knows it can act as the client. */
  readonly id: string;
  /** The revision of Engine.IO. */
  readonly protocol: 4;
  /** The handshake. */
  readonly request: EngineRequest;
  readonly remoteAddress: string;
  readonly readyState: "open" | "closing" | "closed";
  /** Changes once at most, at the `upgrade` event. */
  readonly transport: CurrentTransport;
  /** Bytes that wait for the client, here and in the transport. */
  readonly bufferedBytes: number;
  /** Sends a message; a no-op once the session is closing. `sent` is called when the transport has taken it. */
  write(data: BinaryOrText, options?: WriteOptions | null, sent?: () => void): unknown;
  /** The name that Engine.IO's own server also has for `write`. */
  send(data: BinaryOrText, options?: WriteOptions | null, sent?: () => void): unknown;
  /** Ends the session, after what is queued was handed over (`closeTimeoutMs` at most) unless `discard` is set. */
  close(discard?: boolean): void;
  on<Name extends keyof SocketEvents>(event: Name, listener: Listener<Name>): this;
  once<Name extends keyof SocketEvents>(event: Name, listener: Listener<Name>): this;
  off<Name extends keyof SocketEvents>(event: Name, listener: Listener<Name>): this;
  listeners<Name extends keyof SocketEvents>(event: Name): Listener<Name>[];
}
