/** Session records for tests, and short ways to write them into a store. */
import { type NodeId, nodeId, sessionId, userId } from "../../lib/protocol/ids.ts";
import type { SessionRecord } from "../../lib/roster/record.ts";
import type {
  LeaveEntry,
  RosterStore,
  SessionEntry,
  Ticked,
  Writer,
  Written,
} from "../../lib/roster/store.ts";

/** What a test says of a record; the rest is the same for all. */
export interface RecordParts {
  user?: string;
  node?: string;
  connectedAt?: number;
  lastSeenAt?: number;
  role?: string;
}

/** A record of session `sid`. */
export function record(sid: string, parts: RecordParts = {}): SessionRecord {
  const { user = "ada", node = "n1", connectedAt = 1000, lastSeenAt = connectedAt, role = "user" } = parts;
  return {
    sid: sessionId(sid),
    user: { id: userId(user), name: user.toUpperCase(), email: `${user}@example.org`, role },
    nodeId: nodeId(node),
    connectedAt,
    lastSeenAt,
    transport: "websocket",
    address: "192.0.2.1",
    userAgent: "test",
    expiresAt: null,
  };
}

/** The sids of records, sorted. */
export function sids(records: readonly SessionRecord[]): string[] {
  return records.map(({ sid }) => sid).sort();
}

/** The lease and the grace of what is written here. */
export const LEASE_MS = 1000, GRACE_MS = 5000;

/** What a test says of an entry. */
export type EntryParts = RecordParts & Partial<Omit<SessionEntry, "record">>;

/** A session that was active at 1000, to be written. */
export function entry(sid: string, parts: EntryParts = {}): SessionEntry {
  const { user, node, connectedAt, lastSeenAt, role, ...rest } = parts;
  return {
    record: record(sid, { user, node, connectedAt, lastSeenAt, role }),
    leaseMs: LEASE_MS,
    active: true,
    lastActiveAt: 1000,
    ...rest,
  };
}

/** The end of a session that {@linkcode entry} made. */
export function leave(
  sid: string,
  parts: RecordParts & Partial<Omit<LeaveEntry, "record">> = {},
): LeaveEntry {
  const { user, node, connectedAt, lastSeenAt, role, ...rest } = parts;
  return {
    record: record(sid, { user, node, connectedAt, lastSeenAt, role }),
    graceMs: GRACE_MS,
    lastActiveAt: 1000,
    ...rest,
  };
}

/** A node that writes whatever a test wants, and has no sessions of its own. */
export function writer(name = "writer", parts: Partial<Writer> = {}): Writer {
  return { nodeId: nodeId(name) as NodeId, leaseMs: 1e12, epoch: undefined, ...parts };
}

/** Writes sessions that come or stay. */
export function put(store: RosterStore, entries: SessionEntry[], { silent = false } = {}): Promise<Written> {
  return store.write(writer(), { leaves: [], entries, silent });
}

/** Writes sessions that end. */
export function end(store: RosterStore, ...leaves: LeaveEntry[]): Promise<Written> {
  return store.write(writer(), { leaves, entries: [] });
}

/** Reaps, and reports what `name` uses. */
export function tick(
  store: RosterStore,
  { limit = 100, models = [] as string[], name = "writer" } = {},
): Promise<Ticked> {
  return store.tick(writer(name), { limit, models });
}
