/**
 * Who is online, away or offline: keeps this node's sessions in step with the store and tells listeners of the
 * changes that this node is the one to announce. It does not know who watches; whoever listens sends.
 */
import type { Presence, PresenceStatus } from "../protocol/events.ts";
import type { NodeId, SessionId, UserId } from "../protocol/ids.ts";
import type { PresenceStore, Seen, SessionPresence } from "./store.ts";

/** The most users that {@linkcode PresenceService.list} answers. */
export const MAX_LISTED = 1_000;
/** How often a user's last activity is written while it goes on. */
export const TOUCH_INTERVAL_MS = 60_000;
// how late this node ends a grace that a crashed node began
const POLL_MS = 5_000;
const RETRY_MS = 1_000;
// a session that left in the store's last millisecond is not due yet by this node's timer
const MIN_WAIT_MS = 5;

/**
 * Presence as the rest of the server uses it. A store that is down makes `removeSessions`, `resync` and the queries
 * reject; what it could not be told of this node's sessions is told again.
 */
export interface PresenceService {
  /** Counts a session of this node; again after a recovery. Resolves when it was announced or will be retried. */
  connect(sid: SessionId, user: { id: UserId; name: string }, options?: { active?: boolean }): Promise<void>;
  /** Keeps a session active or away. Touches the store only when that changes. */
  heartbeat(sid: SessionId, active: boolean): void;
  /**
   * Ends a session of this node; within the grace, a new one of the same user makes it unseen. `graceMs` is for a
   * client that was told to come back later than usual, as a draining node does.
   */
  disconnect(sid: SessionId, options?: { graceMs?: number }): void;
  /** Ends sessions of nodes that died, at once. Safe to call again, and for sessions that are not known. */
  removeSessions(sids: readonly SessionId[]): Promise<void>;
  /**
   * Writes sessions of this node again, all without `sids`, after the store lost them or another node took this one
   * for dead. Where the whole store was lost, which this notices by itself within seconds, watchers see nothing of it.
   */
  resync(sids?: readonly SessionId[]): Promise<void>;
  /** These users as far as they are known, at most 1,000; without ids, those who were active last. */
  list(userIds?: readonly UserId[]): Promise<Presence[]>;
  status(userId: UserId): Promise<PresenceStatus>;
  /** Calls `listener` for each change that this node announces; the result ends that. */
  onChange(listener: (change: Presence) => void): () => void;
  /** Writes what is pending and stops. */
  close(): Promise<void>;
}

/** Options of {@linkcode createPresence}. */
export interface PresenceOptions {
  store: PresenceStore;
  nodeId: NodeId;
  /** Gets what went wrong and will be tried again. */
  onError: (error: unknown) => void;
}

/** Makes the service and starts its one timer. */
export function createPresence(options: PresenceOptions): PresenceService {
  return new Presences(options);
}

/** A session of this node: what it is, and what the store knows of it. */
interface Local {
  user: { id: UserId; name: string };
  active: boolean;
  lastActiveAt: number | null;
  gone: boolean;
  /** The grace of its end, when it is not the usual one. */
  graceMs: number | undefined;
  /** The activity that the store has, `undefined` when the session is not in it. */
  stored: boolean | undefined;
  /** Whether the store may have something else, because a write failed or the session came back. */
  unsure: boolean;
  pushing: Promise<void> | undefined;
}

function inStep({ gone, active, stored, unsure }: Local): boolean {
  return !unsure && stored === (gone ? undefined : active);
}

function seen({ user, lastActiveAt }: Local): Seen {
  return { ...user, at: lastActiveAt ?? 0 };
}

class Presences implements PresenceService {
  readonly #store: PresenceStore;
  readonly #nodeId: NodeId;
  readonly #onError: (error: unknown) => void;
  readonly #listeners = new Set<(change: Presence) => void>();
  readonly #sessions = new Map<SessionId, Local>();
  /** Sessions that the store does not know as they are, for it was away. */
  readonly #unwritten = new Set<SessionId>();
  /** The session of each user that was active last, since the last write. */
  #touched = new Map<UserId, Local>();
  #nextRecent: Promise<Presence[]> | undefined;
  #lastRecent: Promise<unknown> = Promise.resolve();
  /** The store's contents as last seen. */
  #epoch: string | undefined;
  #touchAt = Date.now() + TOUCH_INTERVAL_MS;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #wakeAt = Infinity;
  #isAway = false;
  #ticking: Promise<void> = Promise.resolve();
  #closed = false;

  constructor({ store, nodeId, onError }: PresenceOptions) {
    this.#store = store;
    this.#nodeId = nodeId;
    this.#onError = onError;
    this.#wakeIn(MIN_WAIT_MS);
  }

  async connect(
    sid: SessionId,
    user: { id: UserId; name: string },
    { active = true }: { active?: boolean } = {},
  ): Promise<void> {
    let local = this.#sessions.get(sid);
    if (local === undefined) {
      local = {
        user,
        active,
        lastActiveAt: null,
        gone: false,
        graceMs: undefined,
        stored: undefined,
        unsure: false,
        pushing: undefined,
      };
      this.#sessions.set(sid, local);
    } else {
      // it may be leaving in the store, which only a new write ends
      Object.assign(local, { user, active, gone: false, unsure: true });
    }
    if (active) this.#touch(local);
    await this.#push(sid, local);
  }

  heartbeat(sid: SessionId, active: boolean): void {
    const local = this.#sessions.get(sid);
    if (local === undefined || local.gone) return;
    if (active) this.#touch(local);
    if (local.active === active) return;
    local.active = active;
    void this.#push(sid, local);
  }

  disconnect(sid: SessionId, { graceMs }: { graceMs?: number } = {}): void {
    const local = this.#sessions.get(sid);
    if (local === undefined || local.gone) return;
    Object.assign(local, { gone: true, graceMs });
    void this.#push(sid, local);
  }

  async removeSessions(sids: readonly SessionId[]): Promise<void> {
    // a session that is open here lives, whatever its lease says
    const dead = sids.filter((sid) => this.#sessions.get(sid)?.gone ?? true);
    if (dead.length > 0) this.#announce(await this.#store.remove(dead));
  }

  async resync(sids: readonly SessionId[] = [...this.#sessions.keys()]): Promise<void> {
    await this.#settle();
    await Promise.all(sids.map((sid) => {
      const local = this.#sessions.get(sid);
      if (local === undefined) return;
      local.unsure = true;
      return this.#push(sid, local);
    }));
  }

  async list(userIds?: readonly UserId[]): Promise<Presence[]> {
    const users = userIds ? await this.#store.read(userIds.slice(0, MAX_LISTED)) : await this.#recent();
    return users.map((user) => {
      const at = this.#touched.get(user.id)?.lastActiveAt ?? 0;
      return at > (user.lastActiveAt ?? 0) ? { ...user, lastActiveAt: at } : user;
    });
  }

  async status(userId: UserId): Promise<PresenceStatus> {
    const [user] = await this.#store.read([userId]);
    return user?.status ?? "offline";
  }

  onChange(listener: (change: Presence) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#ticking;
    await Promise.all([...this.#sessions.values()].map((local) => local.pushing));
    await this.#flushTouched().catch(this.#onError);
    this.#listeners.clear();
  }

  #session(sid: SessionId, { user, lastActiveAt }: Local, active: boolean): SessionPresence {
    return { sid, user, owner: this.#nodeId, active, lastActiveAt };
  }

  /** Those who ask while one answer is read share the next one, which is as new as they need. */
  #recent(): Promise<Presence[]> {
    this.#nextRecent ??= this.#lastRecent.then(() => {
      this.#nextRecent = undefined;
      const users = this.#store.recent(MAX_LISTED);
      this.#lastRecent = users.catch(() => {});
      return users;
    });
    return this.#nextRecent;
  }

  /** Writes a session to the store until the store knows what this node knows; one write at a time. */
  #push(sid: SessionId, local: Local): Promise<void> {
    if (local.pushing === undefined) {
      if (inStep(local)) this.#written(sid, local);
      else if (this.#isAway) this.#unwritten.add(sid);
      else local.pushing = this.#pushing(sid, local);
    }
    return local.pushing ?? Promise.resolve();
  }

  async #pushing(sid: SessionId, local: Local): Promise<void> {
    try {
      while (!inStep(local)) {
        const { active, gone, graceMs } = local;
        const session = this.#session(sid, local, active);
        // set before waiting: a connection meanwhile wants another write
        local.unsure = false;
        const changes = gone
          ? await this.#store.leave([session], { graceMs })
          : await this.#store.put([session]);
        local.stored = gone ? undefined : active;
        if (changes) this.#announce(changes);
        else this.#wakeIn(MIN_WAIT_MS);
      }
      this.#written(sid, local);
    } catch (error) {
      local.unsure = true;
      this.#unwritten.add(sid);
      this.#failed(error);
    } finally {
      local.pushing = undefined;
    }
  }

  #written(sid: SessionId, local: Local): void {
    this.#unwritten.delete(sid);
    if (local.gone) this.#sessions.delete(sid);
  }

  /** Tells of the first failure only; until a try succeeds, the rest of them say the same. */
  #failed(error: unknown): void {
    if (!this.#isAway) this.#onError(error);
    this.#isAway = true;
    this.#wakeIn(RETRY_MS);
  }

  async #settle(): Promise<void> {
    const { changes, waitMs, epoch } = await this.#store.settle();
    this.#announce(changes);
    if (waitMs !== null) this.#wakeIn(Math.max(waitMs, MIN_WAIT_MS));
    this.#isAway = false;
    if (this.#epoch !== undefined && this.#epoch !== epoch) await this.#restore();
    this.#epoch = epoch;
  }

  /** Tells a store that lost everything what was announced of this node's sessions. */
  async #restore(): Promise<void> {
    const announced = [...this.#sessions].flatMap(([sid, local]) =>
      local.stored === undefined ? [] : [this.#session(sid, local, local.stored)]
    );
    this.#announce(await this.#store.put(announced, { silent: true }));
  }

  async #retry(): Promise<void> {
    await Promise.all([...this.#unwritten].map((sid) => {
      const local = this.#sessions.get(sid);
      return local && this.#push(sid, local);
    }));
  }

  #touch(local: Local): void {
    local.lastActiveAt = Date.now();
    this.#touched.set(local.user.id, local);
  }

  async #flushTouched(): Promise<void> {
    const touched = this.#touched;
    this.#touched = new Map();
    this.#touchAt = Date.now() + TOUCH_INTERVAL_MS;
    try {
      await this.#store.touch(Array.from(touched.values(), seen));
    } catch (error) {
      this.#touched = new Map([...touched, ...this.#touched]);
      throw error;
    }
  }

  #announce(changes: readonly Presence[]): void {
    for (const change of changes) {
      for (const listener of this.#listeners) {
        try {
          listener(change);
        } catch (error) {
          this.#onError(error);
        }
      }
    }
  }

  #wakeIn(ms: number): void {
    const at = Date.now() + ms;
    if (this.#closed || at >= this.#wakeAt) return;
    this.#wakeAt = at;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#wakeAt = Infinity;
      this.#ticking = this.#ticking.then(() => this.#tick());
    }, ms);
  }

  async #tick(): Promise<void> {
    try {
      // first, for it finds out whether the store has lost what the rest builds on
      await this.#settle();
      await this.#retry();
      if (Date.now() >= this.#touchAt) await this.#flushTouched();
    } catch (error) {
      this.#failed(error);
    }
    this.#wakeIn(POLL_MS);
  }
}
