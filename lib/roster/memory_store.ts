/** The roster of a single process, or of several nodes in one process. It holds no timer. */
import { LRUCache } from "lru-cache";
import { DueIndex } from "../due_index.ts";
import type { Presence, PresenceStatus } from "../protocol/events.ts";
import type { NodeId, SessionId, UserId } from "../protocol/ids.ts";
import { FleetUsageReports } from "./fleet_usage.ts";
import { LastActive } from "./last_active.ts";
import type { SessionRecord } from "./record.ts";
import type {
  Answer,
  Batch,
  LastActiveStore,
  LeaveEntry,
  PresencePage,
  RecentOptions,
  RosterStore,
  Saved,
  Seen,
  SessionEntry,
  Ticked,
  Writer,
  Written,
} from "./store.ts";
import { MAX_LISTED } from "./store.ts";

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
  readonly #lastActive: LastActive;
  readonly #usage = new FleetUsageReports();
  readonly #saved = new LRUCache<string, { value: string; until: number }>({ max: MAX_SAVED });
  #saveAt: number;
  #saving: Promise<void> = Promise.resolve();
  /** The users whose sessions the write under way has changed. */
  #touched = new Set<UserId>();

  constructor(options: MemoryRosterStoreOptions, kept: readonly Seen[]) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#lastActive = new LastActive(options.lastActive, kept);
    this.#saveAt = this.#now() + SAVE_INTERVAL_MS;
  }

  write(writer: Writer, { leaves, entries, silent = false }: Batch): Promise<Written> {
    const lists = { added: [], refused: [], taken: [] };
    const answer = this.#step(writer, silent, () => {
      for (const leave of leaves) this.#leave(leave);
      for (const entry of entries) this.#put(entry, lists);
    });
    return Promise.resolve({ ...answer, ...lists });
  }

  tick(writer: Writer, { limit, models }: { limit: number; models: readonly string[] }): Promise<Ticked> {
    const found: Omit<Ticked, keyof Answer> = {
      gone: [],
      hasMore: false,
      usage: { models: [], change: "none" },
    };
    const answer = this.#step(writer, false, () => {
      const expired = this.#expired(limit);
      for (const session of expired) {
        if (!session.isLeaving) found.gone.push(session.record);
        this.#drop(session);
      }
      Object.assign(found, {
        hasMore: expired.length === limit,
        usage: this.#usage.report(writer.nodeId, models, this.#now()),
      });
    });
    if (this.#now() >= this.#saveAt) void this.#save();
    return Promise.resolve({ ...answer, ...found });
  }

  /** Runs a write, unless the writer knows other contents; then says what it changed. */
  #step({ nodeId, leaseMs, epoch = this.#epoch }: Writer, silent: boolean, run: () => void): Answer {
    if (epoch !== this.#epoch) return { epoch: this.#epoch, isKnown: false, changes: [] };
    const isKnown = (this.#nodes.get(nodeId) ?? -Infinity) > this.#now();
    this.#nodes.set(nodeId, this.#now() + leaseMs);
    this.#touched = new Set();
    run();
    return { epoch, isKnown, changes: this.#changes(silent) };
  }

  #leave({ record, graceMs, lastActiveAt, saved }: LeaveEntry): void {
    const { sid, user, nodeId, connectedAt } = record;
    const held = this.#sessions.get(sid);
    const { nodeId: owner, connectedAt: since } = held?.record ?? {};
    if (held && !held.isLeaving && owner === nodeId && since === connectedAt) {
      this.#drop(held);
      if (graceMs > 0) this.#add({ ...held, isLeaving: true }, graceMs);
      if (saved?.forget) this.#saved.delete(saved.pid);
      else this.#keep(saved, 0);
    }
    this.#lastActive.see({ id: user.id, name: user.name, at: lastActiveAt ?? 0 });
  }

  #put(entry: SessionEntry, { added, refused, taken }: Pick<Written, "added" | "refused" | "taken">): void {
    const { record, leaseMs, active, lastActiveAt, maxOfUser = Infinity, saved } = entry;
    const { sid, user, nodeId, connectedAt } = record;
    const held = this.#sessions.get(sid);
    const isOpen = held !== undefined && !held.isLeaving;
    if (held && held.record.nodeId !== nodeId && held.record.connectedAt > connectedAt) {
      taken.push(sid);
    } else if (!isOpen && this.#openOf(user.id) >= maxOfUser) {
      refused.push(sid);
    } else {
      if (!isOpen) added.push(sid);
      if (held) this.#drop(held);
      this.#add({ record, active, isLeaving: false }, leaseMs);
      this.#lastActive.see({ id: user.id, name: user.name, at: lastActiveAt ?? 0 });
      this.#keep(saved, leaseMs);
    }
  }

  #add(session: Session, leaseMs: number): void {
    const { sid, user: { id, name } } = session.record;
    const user = this.#users.get(id) ?? { name, sessions: new Map(), announced: "offline", isTold: false };
    this.#users.set(id, Object.assign(user, { name }));
    user.sessions.set(sid, session);
    this.#sessions.set(sid, session);
    this.#leases.set(sid, this.#now() + leaseMs);
    this.#touched.add(id);
  }

  #drop({ record: { sid, user } }: Session): void {
    this.#sessions.delete(sid);
    this.#leases.delete(sid);
    this.#users.get(user.id)?.sessions.delete(sid);
    this.#touched.add(user.id);
  }

  /** First the sessions of dead nodes, then those whose own lease has run out. */
  #expired(limit: number): Session[] {
    const now = this.#now();
    const expired = new Set<Session>();
    const dead = new Set(this.#nodes.due(now, Infinity));
    for (const session of dead.size > 0 ? this.#sessions.values() : []) {
      if (expired.size < limit && !session.isLeaving && dead.has(session.record.nodeId)) expired.add(session);
    }
    if (expired.size < limit) { for (const nodeId of dead) this.#nodes.delete(nodeId); }
    for (const sid of this.#leases.due(now, limit)) {
      if (expired.size < limit) expired.add(this.#sessions.get(sid)!);
    }
    return [...expired];
  }

  /** What is new about users, once for each: a write is one step, and its parts are not seen. */
  #changes(silent: boolean): Presence[] {
    const changes: Presence[] = [];
    for (const id of this.#touched) {
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

  #keep(saved: Saved | undefined, leaseMs: number): void {
    const value = saved?.value ?? (saved && this.#kept(saved.pid));
    if (saved === undefined || value === undefined) return;
    this.#saved.set(saved.pid, { value, until: this.#now() + leaseMs + this.#options.savedMs });
  }

  #kept(pid: string): string | undefined {
    const saved = this.#saved.get(pid);
    return saved && saved.until > this.#now() ? saved.value : undefined;
  }

  get(sid: SessionId): Promise<SessionRecord | undefined> {
    const session = this.#sessions.get(sid);
    return Promise.resolve(session?.isLeaving ? undefined : session?.record);
  }

  countOfUser(userId: UserId): Promise<number> {
    return Promise.resolve(this.#openOf(userId));
  }

  #openOf(userId: UserId): number {
    return countOpen(this.#users.get(userId)?.sessions.values() ?? []);
  }

  size(): Promise<number> {
    return Promise.resolve(countOpen(this.#sessions.values()));
  }

  async *entries(): AsyncGenerator<SessionRecord> {
    for (const { record, isLeaving } of this.#sessions.values()) if (!isLeaving) yield record;
  }

  presence(userIds: readonly UserId[]): Promise<Presence[]> {
    return Promise.resolve(this.#presences(userIds.slice(0, MAX_LISTED)));
  }

  recent({ limit, after }: RecentOptions): Promise<PresencePage> {
    const { seen, next } = this.#lastActive.page(Math.min(limit, MAX_LISTED), after);
    const users = this.#presences(seen.map(({ id }) => id));
    return Promise.resolve({ users, next, total: this.#lastActive.size });
  }

  #presences(userIds: readonly UserId[]): Presence[] {
    return userIds.map((id) => this.#lastActive.get(id)).filter((seen) => seen !== undefined).map((seen) => {
      const status = this.#users.get(seen.id)?.announced ?? "offline";
      return { id: seen.id, name: seen.name, status, lastActiveAt: seen.at || null };
    });
  }

  readSaved(pid: string): Promise<string | undefined> {
    return Promise.resolve(this.#kept(pid));
  }

  takeSaved(pid: string): Promise<string | undefined> {
    const value = this.#kept(pid);
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

  close(): Promise<void> {
    return this.#save();
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

function countOpen(sessions: Iterable<Session>): number {
  let open = 0;
  for (const { isLeaving } of sessions) if (!isLeaving) open++;
  return open;
}
