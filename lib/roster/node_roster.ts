/**
 * The roster of a node: its sessions, and the one writer with the one tick that keeps the store in step with them. Who
 * handles an event never waits for the store. When it is away nothing here fails: what it missed is written when it is
 * back. When it has lost everything, it is told silently what was announced, and then what has happened since.
 */
import { DueIndex } from "../due_index.ts";
import { ProtocolError } from "../protocol/codes.ts";
import type { Presence } from "../protocol/events.ts";
import type { NodeId, SessionId, UserId } from "../protocol/ids.ts";
import { delay, type Log, type Loop, supervise } from "../supervise.ts";
import { type PageOptions, pageOfSessions, type SessionPage } from "./page.ts";
import type { SessionRecord } from "./record.ts";
import type { CloseOptions, GoneReason, OpenOptions, Roster, SessionChange } from "./roster.ts";
import type {
  Answer,
  LeaveEntry,
  PresencePage,
  RecentOptions,
  RosterStore,
  Saved,
  SessionEntry,
  Ticked,
  Writer,
  Written,
} from "./store.ts";
import { ANNOUNCE_INTERVAL_MS } from "./store.ts";
import { createUsagePool } from "./usage_pool.ts";

/** Times in milliseconds. */
export interface RosterOptions {
  store: RosterStore;
  nodeId: NodeId;
  log: Log;
  /** How long a session lives without a renewal: three heartbeat intervals. */
  leaseMs: number;
  /** How long a session that was closed still counts for its user's presence. */
  graceMs: number;
  /** How long the node lives without a renewal; default 15,000. */
  nodeLeaseMs?: number;
  /** How often the node writes what can wait, and reaps; default 1000. */
  tickMs?: number;
  /** Sessions a write; default 200. */
  batchSize?: number;
  /** The clock, in epoch milliseconds; default `Date.now`. */
  now?: () => number;
}

/** A session of this node: what it is, and what the store knows of it. */
interface Session {
  /** This node's own copy: only here does `lastSeenAt` move. */
  record: SessionRecord & { lastSeenAt: number };
  active: boolean;
  lastActiveAt: number | null;
  /** The activity that the store has; `undefined` when the session is not in it. */
  stored: boolean | undefined;
  saved: { pid: string; value: string; isStored: boolean } | undefined;
}

/** A session of this node that has ended. */
interface Leave extends Required<CloseOptions> {
  session: Session;
}

interface Opening {
  maxOfUser: number | undefined;
  settled: PromiseWithResolvers<"open" | "admission/too-many-sessions" | "server/unavailable">;
}

const DEFAULT_NODE_LEASE_MS = 15_000;
const DEFAULT_TICK_MS = 1000;
const DEFAULT_BATCH_SIZE = 200;
/** Sessions that one step reaps. */
const REAPED_AT_ONCE = 100;
// ends that wait for a store that is away; those beyond are left to their lease
const MAX_LEAVES = 10_000;

/** Creates the empty roster of a node and starts its writer. */
export function createRoster(options: RosterOptions): Roster {
  return new NodeRoster(options);
}
