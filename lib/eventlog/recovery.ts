/**
 * Gives a session back to the client that lost its connection: the same sid and rooms, and the events it missed.
 * Nothing is sent before the token was verified again; then {@linkcode Recovery.missed} says what to send.
 */
import { WITHOUT_POSITIONS } from "./delivery.ts";
import { comparePositions, isPosition, type PacketLog, type Position, timeOf } from "./packet_log.ts";

/** How long a session can be taken up again, in milliseconds. */
export const MAX_DISCONNECTION_MS: number = 2 * 60_000;

/** How long a packet to a connection that is found dead can have been under way: two pings came to nothing. */
export function inFlightMs(
  { pingIntervalMs, pingTimeoutMs }: { pingIntervalMs: number; pingTimeoutMs: number },
): number {
  return pingIntervalMs + 2 * pingTimeoutMs;
}

/** What Socket.IO asks an adapter to keep of a session. */
export interface SocketSession {
  sid: string;
  pid: string;
  rooms: string[];
  data: unknown;
}

/** What is kept of a session without a connection. */
export interface SavedSession extends SocketSession {
  /** The position up to which everything has surely arrived. */
  arrived: Position;
}

/** Where sessions without a connection wait, at most {@linkcode MAX_DISCONNECTION_MS}. Neither method rejects. */
export interface SavedSessions {
  save(session: SavedSession): void;
  /**
   * The session of a private id; only one caller gets it. When there is none yet, `missing` is called, which may have
   * its node save it, and a little time is given for that.
   */
  take(pid: string, missing: (pid: string) => void): Promise<SavedSession | undefined>;
}

/** What a session that was recovered carries in its `data`. */
export interface Resumption {
  /** The position after which it missed events. */
  missedSince?: Position;
  /** When they were sent to it, epoch milliseconds; not yet without. */
  resumedAt?: number;
}

/** Options of {@linkcode createRecovery}. */
export interface RecoveryOptions {
  packets: PacketLog;
  sessions: SavedSessions;
  /** The longest time that a packet to a dead connection can have been under way, in milliseconds. */
  inFlightMs: number;
  /** Resolves when the node has heard up to `position`: `false` when it does not come to that. */
  heard?: (position: Position) => Promise<boolean>;
  /** The clock, in epoch milliseconds. */
  now?: () => number;
}

/** The recovery of sessions, as an adapter and the connection handler use it. */
export interface Recovery {
  /** How far the node has heard: to be told to a new session. */
  readonly position: Position | undefined;
  /** Keeps a session whose connection was lost, or that was not let in when it came back. */
  persist(session: SocketSession): void;
  /** The session of `pid`, whose client got everything up to `offset`; `null` when it cannot be had whole. */
  restore(pid: string, offset: string): Promise<SocketSession & { missedPackets: unknown[][] } | null>;
  /** Calls `listener` with the private id of a session that is asked for and not saved. There is one listener. */
  onMissing(listener: (pid: string) => void): void;
  /** The events that a session in `rooms` misses; `undefined` when some may be lost. */
  missed(since: Position, rooms: ReadonlySet<string>): unknown[][] | undefined;
}

/** Makes the recovery of a node. */
export function createRecovery(
  { packets, sessions, inFlightMs, heard, now = Date.now }: RecoveryOptions,
): Recovery {
  let missing: (pid: string) => void = () => {};
  return {
    get position() {
      return packets.position;
    },
    onMissing(listener) {
      missing = listener;
    },
    persist({ sid, pid, rooms, data }) {
      const { position } = packets;
      if (position === undefined || rooms.includes(WITHOUT_POSITIONS)) return;
      const { missedSince, resumedAt = Infinity, ...rest } = data as Resumption;
      // what was sent so long before the loss has arrived: the client has answered a later ping since
      const before: Position = `${Math.max(0, timeOf(position) - inFlightMs)}-0`;
      const isResuming = missedSince !== undefined && resumedAt > now() - inFlightMs;
      sessions.save({ sid, pid, rooms, data: rest, arrived: isResuming ? missedSince : before });
    },
    async restore(pid, offset) {
      if (!isPosition(offset)) return null;
      const session = await sessions.take(pid, missing);
      if (session === undefined || (heard && !await heard(offset))) return null;
      const { sid, rooms, data, arrived } = session;
      const missedSince = comparePositions(offset, arrived) > 0 ? offset : arrived;
      if (!packets.covers(missedSince)) return null;
      return { sid, pid, rooms, data: { ...data as object, missedSince }, missedPackets: [] };
    },
    missed: (since, rooms) => packets.since(since, rooms),
  };
}
