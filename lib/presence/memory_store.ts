/** The presence of a single process: the state machine in memory, last-active times written behind to a durable store. */
import { LRUCache } from "lru-cache";
import type { Presence } from "../protocol/events.ts";
import type { SessionId, UserId } from "../protocol/ids.ts";
import {
  createState,
  leave,
  nextDue,
  type PresenceState,
  put,
  remove,
  settle,
  type StatusChange,
} from "./state.ts";
import {
  type LastActiveStore,
  MAX_SEEN,
  type PresenceStore,
  type Seen,
  type SessionPresence,
  type Settled,
} from "./store.ts";

/** Options of {@linkcode createMemoryPresenceStore}. */
export interface MemoryPresenceStoreOptions {
  /** How long a session that left still counts. */
  graceMs: number;
  /** Where last-active times outlive the process; without it they do not. */
  lastActive?: LastActiveStore;
  /** The clock, in epoch milliseconds. */
  now?: () => number;
}

/** Makes the store and reads the last-active times that were kept. */
export async function createMemoryPresenceStore(options: MemoryPresenceStoreOptions): Promise<PresenceStore> {
  const kept = await options.lastActive?.load() ?? [];
  return new MemoryPresenceStore(options, kept);
}

class MemoryPresenceStore implements PresenceStore {
  readonly #state: PresenceState = createState();
  readonly #epoch = crypto.randomUUID();
  readonly #graceMs: number;
  readonly #lastActive: LastActiveStore | undefined;
  readonly #now: () => number;
  /** Ordered by when it was written, which is the order of activity to within a minute. */
  readonly #seen: LRUCache<UserId, Seen>;
  readonly #unsaved = new Set<UserId>();
  readonly #forgotten = new Set<UserId>();

  constructor({ graceMs, lastActive, now = Date.now }: MemoryPresenceStoreOptions, kept: Seen[]) {
    this.#graceMs = graceMs;
    this.#lastActive = lastActive;
    this.#now = now;
    this.#seen = new LRUCache({
      max: MAX_SEEN,
      dispose: (_seen, id, reason) => {
        if (reason === "evict") this.#forgotten.add(id);
      },
    });
    for (const seen of kept.toSorted((a, b) => a.at - b.at)) this.#seen.set(seen.id, seen);
  }

  put(sessions: readonly SessionPresence[], { silent = false } = {}): Promise<Presence[]> {
    for (const session of sessions) this.#see(session);
    return Promise.resolve(this.#complete(put(this.#state, sessions, { silent })));
  }

  leave(sessions: readonly SessionPresence[], { graceMs = this.#graceMs } = {}): Promise<void> {
    const leavesAt = this.#now() + graceMs;
    for (const session of sessions) {
      this.#see(session);
      leave(this.#state, session, leavesAt);
    }
    return Promise.resolve();
  }

  remove(sids: readonly SessionId[]): Promise<Presence[]> {
    return Promise.resolve(this.#complete(remove(this.#state, sids)));
  }

  settle(): Promise<Settled> {
    const now = this.#now();
    const changes = this.#complete(settle(this.#state, now));
    const next = nextDue(this.#state);
    return Promise.resolve({ changes, waitMs: next === undefined ? null : next - now, epoch: this.#epoch });
  }

  async touch(seen: readonly Seen[]): Promise<void> {
    for (const one of seen.toSorted((a, b) => a.at - b.at)) this.#remember(one);
    await this.#save();
  }

  read(userIds: readonly UserId[]): Promise<Presence[]> {
    return Promise.resolve(this.#users(userIds));
  }

  recent(limit: number): Promise<Presence[]> {
    return Promise.resolve(this.#users(this.#seen.keys().take(limit)));
  }

  async close(): Promise<void> {
    await this.#save();
  }

  #users(ids: Iterable<UserId>): Presence[] {
    const users: StatusChange[] = [];
    for (const id of ids) {
      const user = this.#state.users.get(id);
      const name = user?.name ?? this.#seen.peek(id)?.name;
      if (name === undefined) continue;
      users.push({ id, name, status: user?.announced ?? "offline" });
    }
    return this.#complete(users);
  }

  #complete(users: StatusChange[]): Presence[] {
    return users.map((user) => ({ ...user, lastActiveAt: this.#seen.peek(user.id)?.at || null }));
  }

  #see({ user, lastActiveAt }: SessionPresence): void {
    // a user who was never active is seen at 0, so as to be listed too
    this.#remember({ id: user.id, name: user.name, at: lastActiveAt ?? 0 });
  }

  #remember(seen: Seen): void {
    const known = this.#seen.peek(seen.id);
    if (known && known.at >= seen.at) return;
    this.#seen.set(seen.id, seen);
    this.#unsaved.add(seen.id);
    this.#forgotten.delete(seen.id);
  }

  async #save(): Promise<void> {
    if (!this.#lastActive) return;
    const ids = [...this.#unsaved];
    const forgotten = [...this.#forgotten];
    this.#unsaved.clear();
    this.#forgotten.clear();
    try {
      await this.#lastActive.save(ids.map((id) => this.#seen.peek(id)).filter((seen) => seen !== undefined));
      await this.#lastActive.forget(forgotten);
    } catch (error) {
      // what could not be written is written next time
      for (const id of ids) this.#unsaved.add(id);
      for (const id of forgotten) this.#forgotten.add(id);
      throw error;
    }
  }
}
