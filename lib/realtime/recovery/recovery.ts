/**
 * Gives a session back to the client that lost its connection: the same sid and rooms, and the events it missed.
 * Nothing is sent before the token was verified again; then {@linkcode Recovery.missed} says what to send.
 */
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
  /** How far the node had heard when the connection was lost. */
  position: Position;
}

/** Where sessions without a connection wait, at most {@linkcode MAX_DISCONNECTION_MS}. Neither method rejects. */
export interface SavedSessions {
  save(session: SavedSession): void;
  /** The session of a private id; only one caller gets it. */
  take(pid: string): Promise<SavedSession | undefined>;
}

/** What a recovered session carries in its `data` until its connection is complete. */
export interface Resumption {
  /** The position after which it misses events. */
  missedSince?: Position;
}

/** Options of {@linkcode createRecovery}. */
export interface RecoveryOptions {
  packets: PacketLog;
  sessions: SavedSessions;
  /** The longest time that a packet to a dead connection can have been under way, in milliseconds. */
  inFlightMs: number;
  /** Resolves when the node has heard up to `position`: `false` when it does not come to that. */
  heard?: (position: Position) => Promise<boolean>;
}

/** The recovery of sessions, as an adapter and the connection handler use it. */
export interface Recovery {
  /** How far the node has heard: to be told to a new session. */
  readonly position: Position | undefined;
  /** Keeps a session whose connection was lost. */
  persist(session: SocketSession): void;
  /** The session of `pid`, whose client got everything up to `offset`; `null` when it cannot be had whole. */
  restore(pid: string, offset: string): Promise<SocketSession & { missedPackets: unknown[][] } | null>;
  /** The data of the events that a session in `rooms` misses; `undefined` when some may be lost. */
  missed(since: Position, rooms: ReadonlySet<string>): unknown[][] | undefined;
}

/** Makes the recovery of a node. */
export function createRecovery({ packets, sessions, inFlightMs, heard }: RecoveryOptions): Recovery {
  return {
    get position() {
      return packets.position;
    },
    persist({ sid, pid, rooms, data }) {
      const { position } = packets;
      if (position !== undefined) sessions.save({ sid, pid, rooms, data, position });
    },
    async restore(pid, offset) {
      if (!isPosition(offset)) return null;
      const session = await sessions.take(pid);
      if (session === undefined || (heard && !await heard(offset))) return null;
      // what was sent so long before the loss has arrived: the client has answered a later ping since
      const arrived: Position = `${Math.max(0, timeOf(session.position) - inFlightMs)}-0`;
      const missedSince = comparePositions(offset, arrived) > 0 ? offset : arrived;
      if (packets.since(missedSince, new Set()) === undefined) return null;
      const { sid, rooms, data } = session;
      return { sid, pid, rooms, data: { ...data as object, missedSince }, missedPackets: [] };
    },
    missed: (since, rooms) => packets.since(since, rooms),
  };
}
