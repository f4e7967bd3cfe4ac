/**
 * Gives a session back to the client that lost its connection: the same sid and rooms, and the events it missed. Its
 * user has been verified before; what it misses is sent once it is open.
 */
import type { Frames } from "./delivery.ts";
import { comparePositions, type Position, positionAt, timeOf } from "./position.ts";

/** How long a session can be taken up again, in milliseconds. */
export const MAX_DISCONNECTION_MS: number = 2 * 60_000;

/** How long a packet to a connection that is found dead can have been under way: two pings came to nothing. */
export function inFlightMs(
  { pingIntervalMs, pingTimeoutMs }: { pingIntervalMs: number; pingTimeoutMs: number },
): number {
  return pingIntervalMs + 2 * pingTimeoutMs;
}

/** From where on a session may miss something. */
export interface Start {
  /** It got everything up to here. */
  readonly since: Position;
  /** When it was sent what came after, in epoch milliseconds of the clock that makes positions. */
  readonly at: number;
  /** The nodes whose inboxes have it, each up to a place; then comes that of the node that holds the session. */
  readonly inboxes: readonly (readonly [node: string, until: Position])[];
}

/** What a session carries in its `data`: plain data only. */
export interface RecoveryData {
  /** Whose session it is. */
  userId?: string;
  /** When a node took it last, by that node's clock, epoch milliseconds. */
  connectedAt?: number;
  start?: Start | undefined;
  /** The rooms that it joined later than that, and after which position. */
  joined?: Record<string, Position>;
  /** What else is to be kept of it, from when its connection is lost until it is taken up. */
  watching?: unknown;
}

/** What Socket.IO asks an adapter to keep of a session. */
export interface RecoverableSession {
  sid: string;
  pid: string;
  rooms: string[];
  data: RecoveryData;
}

/** Who asks for a session. */
export interface Claim {
  /** The private id that the client was given. */
  pid: string;
  /** The last position that it got. */
  offset: string;
  /** Of the token that it showed. */
  userId: string;
}

/** A session that was taken up, before it is open. */
export interface Restored extends RecoverableSession {
  /**
   * Lets events come; returns those that it missed in the rooms that it is still in, in their order, or nothing when
   * some may be lost. To be called once, when the session is open.
   */
  open(rooms: ReadonlySet<string>): Frames[] | undefined;
  /** It does not come to that; it can be asked for again. */
  end(): void;
}

/** The recovery of sessions, as the handshake and the connections use it. */
export interface Recovery {
  /** Up to where events were delivered on this node: what a new session starts from. */
  readonly position: Position | undefined;
  /** What is to be kept of an open session so that it can be taken up after its node's death, if it is to be kept. */
  describe(session: RecoverableSession): string | undefined;
  /** Calls `listener` with what is to be kept instead, when it changes. There is one listener. */
  onSave(listener: (sid: string, value: string) => void): void;
  /** A session has lost its connection. */
  persist(session: RecoverableSession): void;
  /** Whether the session of `pid` was lost, and may come back: asked when it is closed. */
  isLost(pid: string): boolean;
  /**
   * The session of `pid`; `undefined` when it cannot be had whole.
   *
   * @throws {ProtocolError} `access/denied` when it is another user's
   */
  restore(claim: Claim): Promise<Restored | undefined>;
  /** Calls `listener` to close the connection of a session that is asked for, as a lost one. There is one listener. */
  onWanted(listener: (pid: string, start: Start | undefined) => void): void;
}

/** The start of a session that begins when everything up to `position` was delivered. */
export function startAt(position: Position): Start {
  return { since: position, at: timeOf(position), inboxes: [] };
}

/**
 * After which position a session may miss events when its client says that it got everything up to `offset`: what was
 * sent longer ago than packets can be under way, before `heardMs`, has arrived, for it has answered a ping since.
 */
export function missedSince(
  { since, at }: Start,
  { offset, heardMs, inFlightMs }: { offset: Position; heardMs: number; inFlightMs: number },
): Position {
  const arrivedMs = heardMs - inFlightMs;
  const arrived = arrivedMs > at ? positionAt(arrivedMs) : since;
  if (comparePositions(offset, arrived) >= 0) return offset;
  const ahead = /\+.*/.exec(offset)?.[0];
  return ahead === undefined ? arrived : arrived.replace(/\+.*|$/, ahead);
}

/** Whether who is in `own` rooms, each with the position after which that is so if it is known, was to get an event. */
export function isFor(
  { rooms, except, position }: { rooms: readonly string[]; except: readonly string[]; position: Position },
  own: ReadonlyMap<string, Position | undefined>,
): boolean {
  const wasIn = (room: string): boolean => {
    const since = own.get(room);
    return own.has(room) && (since === undefined || comparePositions(position, since) > 0);
  };
  return (rooms.length === 0 || rooms.some(wasIn)) && !except.some((room) => own.has(room));
}

/** The rooms of a session that it is still in, with the positions after which it is. */
export function roomsOf(
  { rooms, data: { joined = {} } }: RecoverableSession,
  current: ReadonlySet<string>,
): Map<string, Position | undefined> {
  return new Map(rooms.filter((room) => current.has(room)).map((room) => [room, joined[room]]));
}
