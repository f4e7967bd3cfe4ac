/** The roster of a single process, or of several nodes in one process. It holds no timer. */
import { LRUCache } from "lru-cache";
import { DueIndex } from "../due_index.ts";
import type { Presence, PresenceStatus } from "../protocol/events.ts";
import type { NodeId, SessionId, UserId } from "../protocol/ids.ts";
import { LastActive } from "./last_active.ts";
import type { SessionRecord } from "./record.ts";
import type { Answer, LastActiveStore, LeaveEntry, RosterStore, Saved, SessionEntry } from "./store.ts";
import { type FleetUsage, MAX_LISTED, type Writer, type Written } from "./store.ts";
import { UsageReports } from "./usage.ts";

interface MemoryRosterStoreOptions {
  /** How long what is saved for a session outlives its lease, in milliseconds. */
  savedMs: number;
  /** Where last-active times outlive the process; without it they do not. */
  lastActive?: LastActiveStore;
  /** Told when they could not be written; that is tried again. */
  onError?: (error: unknown) => void;
  /** The clock, in epoch milliseconds. */
  now?: () => number;
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

// how often last-active times are written, at the most
const SAVE_INTERVAL_MS = 60_000;
// for so many sessions something is kept
const MAX_SAVED = 100_000;

/** Reads the last-active times that were kept. */
export async function createMemoryRosterStore(options: MemoryRosterStoreOptions): Promise<RosterStore> {
  const { savedMs, onError, now = Date.now } = options;
  const contents = crypto.randomUUID();
  const sessions = new Map<SessionId, Session>();
  const users = new Map<UserId, User>();
  const nodes = new DueIndex<NodeId>(), leases = new DueIndex<SessionId>();
  const saved = new LRUCache<string, { value: string; until: number }>({ max: MAX_SAVED });
  const usage = new UsageReports();
  const lastActive = new LastActive(options.lastActive, await options.lastActive?.load() ?? []);
  let saveAt = now() + SAVE_INTERVAL_MS;
  let saving: Promise<void> = Promise.resolve();
  let steps = 0;
  /** The users whose sessions the write under way has changed. */
  let touched = new Set<UserId>();

  /** Runs a write, unless the writer knows other contents; then says what it changed. */
  function step({ nodeId, leaseMs, epoch = contents }: Writer, silent: boolean, run: () => void): Answer {
    if (epoch !== contents) return { epoch: contents, isKnown: false, step: 0, changes: [] };
    const isKnown = (nodes.get(nodeId) ?? -Infinity) > now();
    nodes.set(nodeId, now() + leaseMs);
    touched = new Set();
    run();
    return { epoch, isKnown, step: ++steps, changes: changesOf(silent) };
  }

  function leave(
    { record, graceMs, lastActiveAt, saved: { forget = false, ...kept } = { pid: "" } }: LeaveEntry,
  ): void {
    const held = sessions.get(record.sid);
    const isOwn = held?.record.nodeId === record.nodeId && held.record.connectedAt === record.connectedAt;
    if (isOwn && !held.isLeaving) {
      drop(held);
      if (graceMs > 0) add({ ...held, isLeaving: true }, graceMs);
      if (forget) saved.delete(kept.pid);
      else keep(kept, 0);
    }
    see(record, lastActiveAt);
  }

  function put(
    entry: SessionEntry,
    { added, refused, taken }: Pick<Written, "added" | "refused" | "taken">,
  ): void {
    const { record, leaseMs, active, lastActiveAt, maxOfUser = Infinity } = entry;
    const { sid, user, nodeId, connectedAt } = record;
    const held = sessions.get(sid);
    const isOpen = held !== undefined && !held.isLeaving;
    if (held && held.record.nodeId !== nodeId && held.record.connectedAt > connectedAt) {
      taken.push(sid);
    } else if (!isOpen && openOf(user.id) >= maxOfUser) {
      refused.push(sid);
    } else {
      if (!isOpen) added.push(sid);
      if (held) drop(held);
      add({ record, active, isLeaving: false }, leaseMs);
      see(record, lastActiveAt);
      keep(entry.saved, leaseMs);
    }
  }

  function add(session: Session, leaseMs: number): void {
    const { sid, user: { id, name } } = session.record;
    const user = users.get(id) ?? { name, sessions: new Map(), announced: "offline", isTold: false };
    users.set(id, Object.assign(user, { name }));
    user.sessions.set(sid, session);
    sessions.set(sid, session);
    leases.set(sid, now() + leaseMs);
    touched.add(id);
  }

  function drop({ record: { sid, user } }: Session): void {
    sessions.delete(sid);
    leases.delete(sid);
    users.get(user.id)?.sessions.delete(sid);
    touched.add(user.id);
  }

  function see({ user: { id, name } }: SessionRecord, at: number | null): void {
    lastActive.see({ id, name, at: at ?? 0 });
  }

  /** First the sessions of dead nodes, then those whose own lease has run out. */
  function expired(limit: number): Session[] {
    const dead = new Set(nodes.due(now(), Infinity));
    const ofDead = dead.size === 0 ? [] : sessions.values()
      .filter(({ record, isLeaving }) => !isLeaving && dead.has(record.nodeId)).take(limit).toArray();
    if (ofDead.length < limit) { for (const nodeId of dead) nodes.delete(nodeId); }
    const due = leases.due(now(), limit).map((sid) => sessions.get(sid)!);
    return [...new Set([...ofDead, ...due])].slice(0, limit);
  }

  /** What is new about users, once for each: a write is one step, and its parts are not seen. */
  function changesOf(silent: boolean): Presence[] {
    const changes: Presence[] = [];
    for (const id of touched) {
      const user = users.get(id);
      if (!user) continue;
      const status = statusOf(user.sessions.values());
      if (status === "offline") users.delete(id);
      if (status === user.announced) continue;
      user.announced = status;
      if (silent && !user.isTold) continue;
      user.isTold = true;
      changes.push({ id, name: user.name, status, lastActiveAt: lastActive.get(id)?.at || null });
    }
    return changes;
  }

  function keep({ pid, value = kept(pid) }: Saved = { pid: "" }, leaseMs: number): void {
    if (value !== undefined) saved.set(pid, { value, until: now() + leaseMs + savedMs });
  }

  function kept(pid: string): string | undefined {
    const { value, until = 0 } = saved.get(pid) ?? {};
    return until > now() ? value : undefined;
  }

  function openOf(userId: UserId): number {
    return countOpen(users.get(userId)?.sessions.values() ?? []);
  }

  function presences(userIds: readonly UserId[]): Presence[] {
    return userIds.map((id) => lastActive.get(id)).filter((seen) => seen !== undefined).map(
      ({ id, name, at }) => {
        return { id, name, status: users.get(id)?.announced ?? "offline", lastActiveAt: at || null };
      },
    );
  }

  function save(): Promise<void> {
    saveAt = now() + SAVE_INTERVAL_MS;
    return saving = saving.then(() => lastActive.save()).catch((error) => onError?.(error));
  }

  return {
    write(writer, { leaves, entries, silent = false }) {
      const lists = { added: [], refused: [], taken: [] };
      const answer = step(writer, silent, () => {
        for (const one of leaves) leave(one);
        for (const entry of entries) put(entry, lists);
      });
      return Promise.resolve({ ...answer, ...lists });
    },
    tick(writer, { limit, models }) {
      let ended: Session[] = [], used: FleetUsage = { models: [], change: "none" };
      const answer = step(writer, false, () => {
        ended = expired(limit);
        for (const session of ended) drop(session);
        used = usage.report(writer.nodeId, models, now());
      });
      if (now() >= saveAt) void save();
      const gone = ended.filter(({ isLeaving }) => !isLeaving).map(({ record }) => record);
      return Promise.resolve({ ...answer, gone, hasMore: ended.length === limit, usage: used });
    },
    get(sid) {
      const session = sessions.get(sid);
      return Promise.resolve(session?.isLeaving ? undefined : session?.record);
    },
    countOfUser: (userId) => Promise.resolve(openOf(userId)),
    size: () => Promise.resolve(countOpen(sessions.values())),
    async *entries() {
      for (const { record, isLeaving } of sessions.values()) if (!isLeaving) yield record;
    },
    presence: (userIds) => Promise.resolve(presences(userIds.slice(0, MAX_LISTED))),
    recent({ limit, after }) {
      const { seen, next } = lastActive.page(Math.min(limit, MAX_LISTED), after);
      return Promise.resolve({ users: presences(seen.map(({ id }) => id)), next, total: lastActive.size });
    },
    readSaved: (pid) => Promise.resolve(kept(pid)),
    takeSaved(pid) {
      const value = kept(pid);
      saved.delete(pid);
      return Promise.resolve(value);
    },
    onBack: () => () => {},
    close: save,
  };
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
