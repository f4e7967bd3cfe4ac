/** What the app sees of the connection: its state and the history. Derived, never set. */
import type { NodeId, SessionId } from "../protocol/ids.ts";
import type { User } from "../protocol/events.ts";
import type { Cause, DisconnectReason } from "./cause.ts";
import type { State } from "./state_machine.ts";

/** No connection, and none is tried until `connect()`. */
export interface Disconnected {
  /** Tells the states apart. */
  status: "disconnected";
  /** Why none is tried. */
  reason: DisconnectReason;
  /** What led here; `null` while idle. */
  cause: Cause | null;
}

/** The first attempt runs. */
export interface Connecting {
  /** Tells the states apart. */
  status: "connecting";
}

/** A session is open. */
export interface Connected {
  /** Tells the states apart. */
  status: "connected";
  /** Epoch milliseconds, by this machine's clock. */
  since: number;
  /** The last round trip in milliseconds, `null` before the first. */
  rttMs: number | null;
  /** What the line runs over: `websocket` or `polling`. */
  transport: string;
  /** Whether the session before this one was taken up again with all its events. */
  recovered: boolean;
  /** The session's id. */
  sid: SessionId;
  /** Who the server takes the user for. */
  user: User;
  /** The server process that holds the session. */
  nodeId: NodeId;
  /** When the token runs out, epoch milliseconds by the server's clock; `null` for never. */
  expiresAt: number | null;
  /** The server's node is deaf to the fleet: events of other nodes may be missing. */
  degraded: boolean;
}

/** A connection was lost or not made, and is being tried for. */
export interface Reconnecting {
  /** Tells the states apart. */
  status: "reconnecting";
  /** The number of the attempt that runs or comes next. */
  attempt: number;
  /** `trying` — it runs · `waiting` — it comes at `retryAt` · `paused` — it comes with the network or the page. */
  phase: "trying" | "waiting" | "paused";
  /** Epoch milliseconds; `null` unless waiting. */
  retryAt: number | null;
  /** Why there is no session, or none yet. */
  cause: Cause;
}

/** The state of a connection. */
export type ConnectionState = Disconnected | Connecting | Connected | Reconnecting;

/** One line of the history. */
export interface HistoryEntry {
  /** Epoch milliseconds. */
  at: number;
  /** The status before. */
  from: ConnectionState["status"];
  /** The status after; the same when only the phase changed. */
  to: ConnectionState["status"];
  /** What happened, as the machine calls it: `connect`, `ready`, `closed`, `timeout`, `nudge`, … */
  event: string;
  /** Why there is no session now; `null` with one, and on the way to the first. */
  cause: Cause | null;
}

/** The state before anything happened. */
export const IDLE: Disconnected = { status: "disconnected", reason: "idle", cause: null };

/** Why `state` is not, or not yet again, connected. */
export function causeOf(state: State): Cause | null {
  return state.name === "connected" ? null : state.cause;
}

/** What the app sees of `state`. */
export function statusOf(state: State): ConnectionState {
  switch (state.name) {
    case "disconnected":
      return { status: "disconnected", reason: state.reason, cause: state.cause };
    case "authorizing":
    case "opening":
      return state.cause
        ? reconnecting("trying", Math.max(1, state.attempt), state.cause)
        : { status: "connecting" };
    case "connected": {
      const { sid, user, nodeId, recovered, expiresAt, degraded = false } = state.session;
      const { name, since, rttMs, wire } = state;
      const session = { sid, user, nodeId, recovered, expiresAt, degraded };
      return { status: name, since, rttMs, transport: wire, ...session };
    }
    case "waiting":
      return reconnecting("waiting", state.attempt, state.cause, state.retryAt);
    case "paused":
      return reconnecting("paused", Math.max(1, state.attempt), state.cause);
  }
}

function reconnecting(
  phase: Reconnecting["phase"],
  attempt: number,
  cause: Cause,
  retryAt: number | null = null,
): Reconnecting {
  return { status: "reconnecting", attempt, phase, retryAt, cause };
}
