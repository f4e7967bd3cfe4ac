/** The roster of a single process, or of several nodes in one process. It holds no timer. */
import { LRUCache } from "lru-cache";
import { DueIndex } from "../due_index.ts";
import type { Presence, PresenceStatus } from "../protocol/events.ts";
import type { NodeId, SessionId, UserId } from "../protocol/ids.ts";
import { FleetUsageReports } from "./fleet_usage.ts";
import { LastActive } from "./last_active.ts";
import type { SessionRecord } from "./record.ts";
import {
  type Answer,
  type Batch,
  type LastActiveStore,
  type LeaveEntry,
  MAX_LISTED,
  type PresencePage,
  type RecentOptions,
  type RosterStore,
  type Saved,
  type Seen,
  type SessionEntry,
  type Ticked,
  type TickOptions,
  type Writer,
  type Written,
} from "./store.ts";

export interface MemoryRosterStoreOptions {
  /** How long what is saved for a session outlives its lease, in milliseconds. */
  savedMs: number;
  /** Where last-active times outlive the process; without it they do not. */
  lastActive?: LastActiveStore;
  /** Told when they could not be written; that is tried again. */
  onError?: (error: unknown) => void;
  /** The clock, in epoch milliseconds. */
  now?: () => number;
}

// how often last-active times are written, at the most
const SAVE_INTERVAL_MS = 60_000;
// for so many sessions something is kept
const MAX_SAVED = 100_000;

/** Reads the last-active times that were kept. */
export async function createMemoryRosterStore(options: MemoryRosterStoreOptions): Promise<RosterStore> {
  return new MemoryRosterStore(options, await options.lastActive?.load() ?? []);
}

interface Session {
  record: SessionRecord;
  active: boolean;
  /** Whether it only counts for its user's presence any more. */
  isLeaving: boolean;
}

interface User {
  name: string;
  sessions: Map<SessionId, Session>;
  announced: PresenceStatus;
  /** Whether a change said so; what was put silently nobody has heard from here. */
  isTold: boolean;
}

class MemoryRosterStore implements RosterStore {
  readonly #options: MemoryRosterStoreOptions;
  readonly #now: () => number;
  readonly #epoch = crypto.randomUUID();
  readonly #sessions = new Map<SessionId, Session>();
  readonly #users = new Map<UserId, User>();
  readonly #nodes = new DueIndex<NodeId>();
  readonly #leases = new DueIndex<SessionId>();
  /** The open sessions of each node. */
  readonly #ofNode = new Map<NodeId, Set<SessionId>>();
  readonly #lastActive: LastActive;
  readonly #usage = new FleetUsageReports();
  readonly #saved = new LRUCache<string, { value: string; until: number }>({ max: MAX_SAVED });
  #saveAt: number;
  #saving: Promise<void> = Promise.resolve();

  constructor(options: MemoryRosterStoreOptions, kept: readonly Seen[]) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#lastActive = new LastActive(options.lastActive, kept);
    this.#saveAt = this.#now() + SAVE_INTERVAL_MS;
  }

  write(writer: Writer, { leaves, entries, silent = false }: Batch): Promise<Written> {
    const lists = { added: [], refused: [], taken: [] };
    const answer = this.#step(writer, silent, (touched) => {
      for (const leave of leaves) this.#leave(leave, touched);
      for (const entry of entries) this.#put(entry, lists, touched);
    });
    return Promise.resolve({ ...answer, ...lists });
  }

  tick(writer: Writer, { limit, models }: TickOptions): Promise<Ticked> {
    const gone: SessionRecord[] = [];
    let reaped = 0, usage: Ticked["usage"] = { models: [], change: "none" };
    const answer = this.#step(writer, false, (touched) => {
      for (const sid of this.#expired(limit)) {
        const session = this.#sessions.get(sid)!;
        if (!session.isLeaving) gone.push(session.record);
        this.#drop(session, touched);
        reaped++;
      }
      usage = this.#usage.report(writer.nodeId, models, this.#now());
    });
    if (this.#now() >= this.#saveAt) void this.#save();
    return Promise.resolve({ ...answer, gone, hasMore: reaped >= limit, usage });
  }

  /** Runs a write, unless the writer knows other contents; then says what it changed. */
  #step(writer: Writer, silent: boolean, run: (touched: Set<UserId>) => void): Answer {
    const { nodeId, leaseMs, epoch = this.#epoch } = writer;
    if (epoch !== this.#epoch) return { epoch: this.#epoch, isKnown: false, changes: [] };
    const isKnown = (this.#nodes.get(nodeId) ?? -Infinity) > this.#now();
    this.#nodes.set(nodeId, this.#now() + leaseMs);
    const touched = new Set<UserId>();
    run(touched);
    return { epoch, isKnown, changes: this.#changes(touched, silent) };
  }

  #leave({ record, graceMs, lastActiveAt, saved }: LeaveEntry, touched: Set<UserId>): void {
    const { sid, user, nodeId, connectedAt } = record;
    const held = this.#sessions.get(sid);
    if (
      held && !held.isLeaving && held.record.nodeId === nodeId && held.record.connectedAt === connectedAt
    ) {
      this.#drop(held, touched);
      if (graceMs > 0) {
        this.#add({ ...held, isLeaving: true }, touched);
        this.#leases.set(sid, this.#now() + graceMs);
      }
      if (saved?.forget) this.#saved.delete(saved.pid);
      else this.#keep(saved, 0);
    }
    this.#lastActive.see({ id: user.id, name: user.name, at: lastActiveAt ?? 0 });
  }

  #put(entry: SessionEntry, lists: Pick<Written, "added" | "refused" | "taken">, touched: Set<UserId>): void {
    const { record, leaseMs, active, lastActiveAt, maxOfUser = Infinity, saved } = entry;
    const { sid, user, nodeId, connectedAt } = record;
    const held = this.#sessions.get(sid);
    const isOpen = held !== undefined && !held.isLeaving;
    if (held && held.record.nodeId !== nodeId && held.record.connectedAt > connectedAt) {
      lists.taken.push(sid);
    } else if (!isOpen && this.#openOf(user.id) >= maxOfUser) {
      lists.refused.push(sid);
    } else {
      if (!isOpen) lists.added.push(sid);
      if (held) this.#drop(held, touched);
      this.#add({ record, active, isLeaving: false }, touched);
      this.#leases.set(sid, this.#now() + leaseMs);
      this.#lastActive.see({ id: user.id, name: user.name, at: lastActiveAt ?? 0 });
      this.#keep(saved, leaseMs);
    }
  }

  #add(session: Session, touched: Set<UserId>): void {
    const { sid, user: { id, name }, nodeId } = session.record;
    const user = this.#users.get(id) ?? { name, sessions: new Map(), announced: "offline", isTold: false };
    this.#users.set(id, user);
    user.name = name;
    user.sessions.set(sid, session);
    this.#sessions.set(sid, session);
    touched.add(id);
    if (session.isLeaving) return;
    const ofNode = this.#ofNode.get(nodeId) ?? new Set();
    this.#ofNode.set(nodeId, ofNode.add(sid));
  }

  #drop({ record: { sid, user, nodeId } }: Session, touched: Set<UserId>): void {
    this.#sessions.delete(sid);
    this.#leases.delete(sid);
    this.#users.get(user.id)?.sessions.delete(sid);
    touched.add(user.id);
    const ofNode = this.#ofNode.get(nodeId);
    ofNode?.delete(sid);
    if (ofNode?.size === 0) this.#ofNode.delete(nodeId);
  }

  #keep(saved: Saved | undefined, leaseMs: number): void {
    if (!saved) return;
    const value = saved.value ?? this.#held(saved.pid);
    if (value === undefined) return;
    this.#saved.set(saved.pid, { value, until: this.#now() + leaseMs + this.#options.savedMs });
  }

  #held(pid: string): string | undefined {
    const saved = this.#saved.get(pid);
    return saved && saved.until > this.#now() ? saved.value : undefined;
  }

  /** First the sessions of dead nodes, then those whose own lease has run out. */
  #expired(limit: number): Set<SessionId> {
    const now = this.#now();
    const expired = new Set<SessionId>();
    for (const nodeId of this.#nodes.due(now, limit)) {
      const ofNode = this.#ofNode.get(nodeId) ?? new Set();
      for (const sid of ofNode) if (expired.size < limit) expired.add(sid);
      if (expired.size < limit) this.#nodes.delete(nodeId);
    }
    for (const sid of this.#leases.due(now, limit)) if (expired.size < limit) expired.add(sid);
    return expired;
  }

  /** What is new about these users, once for each: a write is one step, and its parts are not seen. */
  #changes(userIds: ReadonlySet<UserId>, silent: boolean): Presence[] {
    const changes: Presence[] = [];
    for (const id of userIds) {
      const user = this.#users.get(id);
      if (!user) continue;
      const status = statusOf(user.sessions.values());
      if (status === "offline") this.#users.delete(id);
      if (status === user.announced) continue;
      user.announced = status;
      if (silent && !user.isTold) continue;
      user.isTold = true;
      changes.push({ id, name: user.name, status, lastActiveAt: this.#lastActive.get(id)?.at || null });
    }
    return changes;
  }

  removeNode(nodeId: NodeId): Promise<void> {
    if (this.#ofNode.has(nodeId)) this.#nodes.set(nodeId, 0);
    else this.#nodes.delete(nodeId);
    return Promise.resolve();
  }

  get(sid: SessionId): Promise<SessionRecord | undefined> {
    const session = this.#sessions.get(sid);
    return Promise.resolve(session?.isLeaving ? undefined : session?.record);
  }

  countOfUser(userId: UserId): Promise<number> {
    return Promise.resolve(this.#openOf(userId));
  }

  #openOf(userId: UserId): number {
    let open = 0;
    for (const { isLeaving } of this.#users.get(userId)?.sessions.values() ?? []) if (!isLeaving) open++;
    return open;
  }

  size(): Promise<number> {
    return Promise.resolve(this.#ofNode.values().reduce((sum, { size }) => sum + size, 0));
  }

  async *entries(): AsyncGenerator<SessionRecord> {
    for (const { record, isLeaving } of this.#sessions.values()) if (!isLeaving) yield record;
  }

  presence(userIds: readonly UserId[]): Promise<Presence[]> {
    const seen = userIds.slice(0, MAX_LISTED).map((id) => this.#lastActive.get(id));
    return Promise.resolve(this.#presences(seen.filter((user) => user !== undefined)));
  }

  recent({ limit, after }: RecentOptions): Promise<PresencePage> {
    const { seen, isLast } = this.#lastActive.page(Math.min(limit, MAX_LISTED), after);
    const last = seen.at(-1);
    return Promise.resolve({
      users: this.#presences(seen),
      total: this.#lastActive.size,
      next: isLast || last === undefined ? null : { id: last.id, at: last.at },
    });
  }

  #presences(seen: readonly Seen[]): Presence[] {
    return seen.map(({ id, name, at }) => {
      return { id, name, status: this.#users.get(id)?.announced ?? "offline", lastActiveAt: at || null };
    });
  }

  readSaved(pid: string): Promise<string | undefined> {
    return Promise.resolve(this.#held(pid));
  }

  takeSaved(pid: string): Promise<string | undefined> {
    const value = this.#held(pid);
    this.#saved.delete(pid);
    return Promise.resolve(value);
  }

  onBack(): () => void {
    return () => {};
  }

  #save(): Promise<void> {
    this.#saveAt = this.#now() + SAVE_INTERVAL_MS;
    return this.#saving = this.#saving.then(() => this.#lastActive.save()).catch((error) => {
      this.#options.onError?.(error);
    });
  }

  async close(): Promise<void> {
    await this.#save();
  }
}

function statusOf(sessions: Iterable<Session>): PresenceStatus {
  let status: PresenceStatus = "offline";
  for (const { active } of sessions) {
    if (active) return "online";
    status = "away";
  }
  return status;
}
