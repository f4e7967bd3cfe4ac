/** What the handlers of this folder share: the typed Socket.IO server, and a session as this node holds it. */
import type { DefaultEventsMap, Server, Socket } from "socket.io";
import type { Identity } from "../auth/claims.ts";
import type { EngineSocket } from "../engine/mod.ts";
import { encodeEvent } from "../eventlog/packet_codec.ts";
import type { SessionId, UserId } from "../protocol/ids.ts";
import type { ServerEvents } from "../protocol/events.ts";
import type { Payloads } from "../protocol/payloads.ts";
import type { RateLimit } from "./rate_limit.ts";
import type { RecoveryData } from "../eventlog/recovery.ts";

type Listeners = { [Name in keyof ServerEvents]: (payload: ServerEvents[Name]) => void };

/** Whom a session watches. */
export interface SavedWatch {
  asked: UserId[];
  page?: { places: number; userIds: UserId[] };
}

/** What Socket.IO keeps with a socket. */
type SocketData = RecoveryData & { watching?: SavedWatch };

/** The Socket.IO server with the contract's events. Client events are dispatched by name, not typed here. */
export type TetherServer = Server<DefaultEventsMap, Listeners, DefaultEventsMap, SocketData>;
/** A socket of a {@linkcode TetherServer}. */
export type TetherSocket = Socket<DefaultEventsMap, Listeners, DefaultEventsMap, SocketData>;

/** A session as the node that holds its socket knows it. Handling an event needs nothing more than this. */
export interface LiveSession {
  readonly sid: SessionId;
  readonly socket: TetherSocket;
  /** Of the newest good token. */
  identity: Identity;
  /** `EVENTS_PER_SECOND`. */
  readonly limiter: RateLimit;
  /** Whether its client does not say that it knows the contract (§1). */
  readonly isStock: boolean;
}

/** The fields that a good answer adds to `ok`; without a promise the answer costs no microtask. */
export type HandlerResult = object | void | Promise<object | void>;

/** The handlers of one subject, by event name. Payloads arrive parsed; a `ProtocolError` is the way to say no. */
export type EventHandlers = {
  readonly [Event in keyof Payloads]?: (session: LiveSession, payload: Payloads[Event]) => HandlerResult;
};

/** An event as it is emitted; one that may be missed goes on with its position. */
export type Emitted<Name extends keyof ServerEvents> = [
  name: Name,
  payload: ServerEvents[Name],
  ...position: unknown[],
];

/**
 * Emits to a session of this node, past the adapter: every handshake does. `Socket.emit` would have the event stored, for
 * it may be a recovered session's.
 */
export function emitLocal<Name extends keyof ServerEvents>(
  { conn, connected }: TetherSocket,
  ...data: Emitted<Name>
): void {
  if (!connected) return;
  for (const frame of encodeEvent(data)) (conn as unknown as EngineSocket).write(frame);
}
