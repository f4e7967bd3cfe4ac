/**
 * The sessions of this node, and the one writer that keeps the store in step with them. Who handles an event reads
 * here, never the store. When the store is away nothing here fails: what it missed is written when it is back.
 */
import { ProtocolError } from "../protocol/codes.ts";
import type { NodeId, SessionId } from "../protocol/ids.ts";
import { delay, type Log, type Loop, supervise } from "../supervise.ts";
import { DueIndex } from "../due_index.ts";
import type { SessionRecord } from "./record.ts";
import type { PutResult, SessionStore } from "./store.ts";

/** Options of {@linkcode createSessionDirectory}. */
export interface SessionDirectoryOptions {
  store: SessionStore;
  nodeId: NodeId;
  log: Log;
  /** How long a session lives without a renewal, in milliseconds: three heartbeat intervals. */
  leaseMs: number;
  /** How long the node lives without a renewal, in milliseconds; default 15,000. */
  nodeLeaseMs?: number;
  /** How often heartbeats are written, in milliseconds; default 1000. */
  flushIntervalMs?: number;
  /** Sessions a write; default 500. */
  batchSize?: number;
  /** The clock, in epoch milliseconds; default `Date.now`. */
  now?: () => number;
  /** Called with sessions that the store had lost or given up: write again what depends on them. */
  onRestored?: (records: SessionRecord[]) => void;
  /** Called with a session that another node has taken over: its socket here is a dead one. */
  onTaken?: (record: SessionRecord) => void;
}

/** The sessions of this node. Disposing it removes the node from the store. */
export interface SessionDirectory extends AsyncDisposable {
  /** How many sessions this node holds. */
  readonly size: number;
  /** The record of a session of this node. */
  get(sid: SessionId): SessionRecord | undefined;
  /** The records of all sessions of this node. */
  records(): IterableIterator<SessionRecord>;
  /**
   * Takes a session. Resolves when the store has it, or when the store is away.
   * Rejects with `admission/too-many-sessions` when the user has `maxOfUser` already; then it is not taken.
   */
  open(record: SessionRecord, options?: { maxOfUser?: number }): Promise<void>;
  /** Notes a sign of life; it is written with the next batch. */
  touch(sid: SessionId): void;
  /** Changes a record; it is written with the next batch. */
  update(sid: SessionId, change: SessionChange): void;
  /** Lets go of a session. */
  close(sid: SessionId): void;
  /** Writes what is waiting. Rejects when the store is away; nothing is lost by that. */
  flush(): Promise<void>;
}

/** What may change in a live session. */
export type SessionChange = Partial<Pick<SessionRecord, "user" | "transport" | "expiresAt">>;

interface Opening {
  maxOfUser: number | undefined;
  settled: PromiseWithResolvers<boolean>;
}

const DEFAULT_NODE_LEASE_MS = 15_000;
const DEFAULT_FLUSH_INTERVAL_MS = 1000;
const DEFAULT_BATCH_SIZE = 500;
// removals that wait for a store that is away; those beyond are left to their lease
const MAX_REMOVALS = 10_000;

/** Creates the empty directory of a node and starts its writer. */
export function createSessionDirectory(options: SessionDirectoryOptions): SessionDirectory {
  return new Directory(options);
}

class Directory implements SessionDirectory {
  readonly #options: SessionDirectoryOptions;
  readonly #store: SessionStore;
  readonly #log: Log;
  readonly #now: () => number;
  readonly #nodeLeaseMs: number;
  readonly #batchSize: number;
  /** This node's own copies: only here does `lastSeenAt` move. */
  readonly #records = new Map<SessionId, SessionRecord & { lastSeenAt: number }>();
  readonly #leases = new DueIndex<SessionId>();
  readonly #dirty = new Set<SessionId>();
  readonly #opening = new Map<SessionId, Opening>();
  readonly #removals = new Map<SessionId, SessionRecord>();
  readonly #loop: Loop;
  readonly #unwatch: () => void;
  #nodeRenewedAt = -Infinity;
  #isAway = false;
  #flushing: Promise<void> = Promise.resolve();
  #flushIsQueued = false;

  constructor(options: SessionDirectoryOptions) {
    this.#options = options;
    this.#store = options.store;
    this.#log = options.log;
    this.#now = options.now ?? Date.now;
    this.#nodeLeaseMs = options.nodeLeaseMs ?? DEFAULT_NODE_LEASE_MS;
    this.#batchSize = options.batchSize ?? DEFAULT_BATCH_SIZE;
    const intervalMs = options.flushIntervalMs ?? DEFAULT_FLUSH_INTERVAL_MS;
    this.#loop = supervise("Writing sessions", () => this.#tick(), {
      intervalMs,
      log: options.log,
    });
    this.#unwatch = this.#store.onBack(() => this.#rewrite());
  }

  get size(): number {
    return this.#records.size;
  }

  get(sid: SessionId): SessionRecord | undefined {
    return this.#records.get(sid);
  }

  records(): IterableIterator<SessionRecord> {
    return this.#records.values();
  }

  async open(record: SessionRecord, { maxOfUser }: { maxOfUser?: number } = {}): Promise<void> {
    const { sid } = record;
    this.#removals.delete(sid);
    this.#records.set(sid, { ...record });
    this.#dirty.add(sid);
    if (this.#isAway) return;
    const opening = { maxOfUser, settled: Promise.withResolvers<boolean>() };
    this.#opening.set(sid, opening);
    this.#flushSoon();
    if (!await opening.settled.promise) throw new ProtocolError("admission/too-many-sessions");
  }

  touch(sid: SessionId): void {
    const record = this.#records.get(sid);
    if (!record) return;
    // in place: this is the one thing that happens at every heartbeat
    record.lastSeenAt = this.#now();
    this.#dirty.add(sid);
  }

  update(sid: SessionId, change: SessionChange): void {
    this.#change(sid, change);
  }

  #change(sid: SessionId, change: Partial<SessionRecord>): void {
    const record = this.#records.get(sid);
    if (!record) return;
    this.#records.set(sid, { ...record, ...change });
    this.#dirty.add(sid);
  }

  close(sid: SessionId): void {
    const record = this.#forget(sid);
    if (!record) return;
    if (this.#removals.size < MAX_REMOVALS) this.#removals.set(sid, record);
    if (!this.#isAway) this.#flushSoon();
  }

  #forget(sid: SessionId): SessionRecord | undefined {
    const record = this.#records.get(sid);
    this.#records.delete(sid);
    this.#leases.delete(sid);
    this.#dirty.delete(sid);
    this.#settle(sid);
    return record;
  }

  /** Writes everything again, for the store may have lost something. */
  #rewrite(): void {
    this.#markAll();
    this.#loop.wake();
  }

  async #tick(): Promise<void> {
    // the node vouches for the sockets it holds, also for those that are silent
    for (const sid of this.#leases.due(this.#now() + this.#options.leaseMs / 3, Infinity)) {
      this.#dirty.add(sid);
    }
    const wasAway = this.#isAway;
    try {
      await this.flush();
    } catch (error) {
      this.#setAway(error);
      return;
    }
    if (!wasAway) return;
    this.#isAway = false;
    this.#log.info("Sessions are written again", { sessions: this.size });
    // what was written just before the store went away may be lost
    this.#rewrite();
  }

  #setAway(error: unknown): void {
    if (!this.#isAway) {
      this.#log.warn("Sessions cannot be written; they wait until the store is back", { error });
    }
    this.#isAway = true;
    // the next write must reach the store to count as one
    this.#nodeRenewedAt = -Infinity;
    // a store that is away keeps nobody out
    for (const sid of this.#opening.keys()) this.#settle(sid);
  }

  async #renewNode(): Promise<void> {
    const now = this.#now();
    if (now < this.#nodeRenewedAt + this.#nodeLeaseMs / 3) return;
    const known = await this.#store.renewNode(this.#options.nodeId, now + this.#nodeLeaseMs);
    this.#nodeRenewedAt = now;
    if (!known) this.#markAll();
  }

  flush(): Promise<void> {
    // one write at a time, in order; all who ask during one share the next
    if (!this.#flushIsQueued) {
      this.#flushIsQueued = true;
      this.#flushing = this.#flushing.catch(() => {}).then(() => {
        this.#flushIsQueued = false;
        return this.#write();
      });
    }
    return this.#flushing;
  }

  #flushSoon(): void {
    this.flush().catch((error) => this.#setAway(error));
  }

  async #write(): Promise<void> {
    await this.#renewNode();
    // first who leaves, so that a user at the limit can come back at once
    for (const records of batches([...this.#removals.values()], this.#batchSize)) {
      await this.#store.remove(records);
      for (const record of records) {
        if (this.#removals.get(record.sid) === record) this.#removals.delete(record.sid);
      }
    }
    const dirty = [...this.#dirty];
    for (let i = 0; i < dirty.length; i += this.#batchSize) {
      if (i > 0) await delay(0);
      await this.#writeRecords(dirty.slice(i, i + this.#batchSize));
    }
  }

  async #writeRecords(sids: SessionId[]): Promise<void> {
    const leaseUntil = this.#now() + this.#options.leaseMs;
    const written = new Map<SessionId, SessionRecord>();
    for (const sid of sids) {
      this.#dirty.delete(sid);
      const record = this.#records.get(sid);
      if (record) written.set(sid, { ...record });
    }
    const entries = Array.from(written.values(), (record) => {
      return { record, leaseUntil, maxOfUser: this.#opening.get(record.sid)?.maxOfUser };
    });
    try {
      this.#take(await this.#store.put(entries), written);
    } catch (error) {
      for (const sid of sids) if (this.#records.has(sid)) this.#dirty.add(sid);
      throw error;
    }
    for (const sid of sids) {
      if (this.#records.has(sid)) this.#leases.set(sid, leaseUntil);
      this.#settle(sid);
    }
  }

  #take({ added, refused, taken }: PutResult, written: Map<SessionId, SessionRecord>): void {
    for (const sid of refused) {
      this.#opening.get(sid)?.settled.resolve(false);
      this.#forget(sid);
    }
    const restored = added.filter((sid) => this.#records.has(sid) && !this.#opening.has(sid));
    if (restored.length > 0) {
      this.#tell(() => this.#options.onRestored?.(restored.map((sid) => written.get(sid)!)));
    }
    for (const sid of taken) {
      if (this.#forget(sid)) this.#tell(() => this.#options.onTaken?.(written.get(sid)!));
    }
  }

  #tell(hook: () => void): void {
    try {
      hook();
    } catch (error) {
      this.#log.error("A hook of the session directory failed", { error });
    }
  }

  #settle(sid: SessionId): void {
    this.#opening.get(sid)?.settled.resolve(true);
    this.#opening.delete(sid);
  }

  #markAll(): void {
    for (const sid of this.#records.keys()) this.#dirty.add(sid);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#unwatch();
    await this.#loop[Symbol.asyncDispose]();
    try {
      await this.flush();
      await this.#store.removeNode(this.#options.nodeId);
    } catch (error) {
      this.#log.warn("The node could not sign off; its lease will", { error });
    }
  }
}

function* batches<T>(items: T[], size: number): Generator<T[]> {
  for (let i = 0; i < items.length; i += size) yield items.slice(i, i + size);
}
