/**
 * Keeps the store in step with the sessions of this node: one write at a time, in order, those that somebody waits for
 * first. When the store is away nothing here fails: what it missed is written when it is back. When it has lost
 * everything, it is told silently what was announced, and then what has happened since.
 */
import { batches } from "../batches.ts";
import { DueIndex } from "../due_index.ts";
import { ProtocolError } from "../protocol/codes.ts";
import type { Presence } from "../protocol/events.ts";
import type { NodeId, SessionId } from "../protocol/ids.ts";
import { delay, type Log } from "../supervise.ts";
import type { SessionRecord } from "./record.ts";
import type { CloseOptions, OpenOptions, SessionChange } from "./roster.ts";
import type { Answer, LeaveEntry, RosterStore, SessionEntry, Writer, Written } from "./store.ts";

/** Times in milliseconds. */
export interface WriterOptions {
  store: RosterStore;
  nodeId: NodeId;
  log: Log;
  leaseMs: number;
  graceMs: number;
  nodeLeaseMs: number;
  /** Sessions a write. */
  batchSize: number;
  /** The clock, in epoch milliseconds. */
  now: () => number;
  /** Told of what a write changed. */
  onChanges: (changes: Presence[]) => void;
  /** Told of sessions that another node has taken. */
  onTaken: (records: SessionRecord[]) => void;
  /** Told when graces have begun. */
  onLeft: () => void;
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
interface Leave {
  session: Session;
  graceMs: number;
  forget: boolean;
}

interface Opening {
  maxOfUser: number | undefined;
  settled: PromiseWithResolvers<"open" | "admission/too-many-sessions" | "server/unavailable">;
}

// ends that wait for a store that is away; those beyond are left to their lease
const MAX_LEAVES = 10_000;

/** The sessions of a node, and what of them is still to be written. */
export class RosterWriter {
  readonly #options: WriterOptions;
  readonly #sessions = new Map<SessionId, Session>();
  readonly #leases = new DueIndex<SessionId>();
  /** What the next tick writes. */
  readonly #dirty = new Set<SessionId>();
  /** What is written at once. */
  readonly #urgent = new Set<SessionId>();
  /** Whose caller waits for the write. */
  readonly #opening = new Map<SessionId, Opening>();
  readonly #leaves = new Map<SessionId, Leave>();
  /** Those that were written, until their grace is over: a store that is lost meanwhile would never end them. */
  readonly #left = new Map<SessionId, Leave>();
  readonly #graces = new DueIndex<SessionId>();
  /** The contents of the store that this node has written to. */
  #epoch: string | undefined;
  #isAway = false;
  #writing: Promise<void> | undefined;
  #restoring: Promise<void> | undefined;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** This node, as every write names it. */
  get node(): Writer {
    return { nodeId: this.#options.nodeId, leaseMs: this.#options.nodeLeaseMs, epoch: this.#epoch };
  }

  async open(record: SessionRecord, { maxOfUser, saved }: OpenOptions = {}): Promise<void> {
    const { sid } = record;
    const left = this.#leaves.get(sid) ?? this.#left.get(sid);
    this.#leaves.delete(sid);
    this.#forgetGrace(sid);
    this.#sessions.set(sid, {
      record: { ...record },
      active: true,
      lastActiveAt: this.#options.now(),
      stored: left?.session.stored,
      saved: saved && { ...saved, isStored: false },
    });
    this.#dirty.add(sid);
    if (this.#isAway) return;
    const settled: Opening["settled"] = Promise.withResolvers();
    this.#opening.set(sid, { maxOfUser, settled });
    this.#writeSoon();
    const outcome = await settled.promise;
    if (outcome !== "open") throw new ProtocolError(outcome);
  }

  /** Notes a sign of life; whether there is such a session. */
  alive(sid: SessionId, active: boolean): SessionRecord | undefined {
    const session = this.#sessions.get(sid);
    if (!session) return undefined;
    // in place: this is the one thing that happens at every heartbeat
    session.record.lastSeenAt = this.#options.now();
    if (active) session.lastActiveAt = session.record.lastSeenAt;
    this.#dirty.add(sid);
    if (session.active !== active) {
      session.active = active;
      this.#writeNow(sid);
    }
    return session.record;
  }

  update(sid: SessionId, change: SessionChange): void {
    const session = this.#sessions.get(sid);
    if (!session) return;
    session.record = { ...session.record, ...change };
    this.#dirty.add(sid);
  }

  save(sid: SessionId, value: string, { now = false }: { now?: boolean } = {}): void {
    const saved = this.#sessions.get(sid)?.saved;
    if (!saved) return;
    saved.value = value;
    saved.isStored = false;
    this.#dirty.add(sid);
    if (now) this.#writeNow(sid);
  }

  close(sid: SessionId, { graceMs = this.#options.graceMs, forget = false }: CloseOptions = {}): void {
    const session = this.#drop(sid);
    if (!session) return;
    this.#settle(sid, "open");
    if (this.#leaves.size < MAX_LEAVES) this.#leaves.set(sid, { session, graceMs, forget });
    this.#writeSoon();
  }

  #drop(sid: SessionId): Session | undefined {
    const session = this.#sessions.get(sid);
    this.#sessions.delete(sid);
    this.#leases.delete(sid);
    this.#dirty.delete(sid);
    this.#urgent.delete(sid);
    return session;
  }

  #settle(sid: SessionId, outcome: Awaited<Opening["settled"]["promise"]>): void {
    this.#opening.get(sid)?.settled.resolve(outcome);
    this.#opening.delete(sid);
  }

  #forgetGrace(sid: SessionId): void {
    this.#left.delete(sid);
    this.#graces.delete(sid);
  }

  /** Milliseconds until the next grace that this node began is over. */
  nextGraceMs(): number {
    const now = this.#options.now();
    for (const sid of this.#graces.due(now, Infinity)) this.#forgetGrace(sid);
    return (this.#graces.first() ?? Infinity) - now;
  }

  /** Writes what is waiting. Rejects when the store is away; nothing is lost by that. */
  flush(): Promise<void> {
    // the node vouches for the sockets it holds, also for those that are silent
    const { now, leaseMs } = this.#options;
    for (const sid of this.#leases.due(now() + leaseMs / 3, Infinity)) this.#dirty.add(sid);
    for (const sid of this.#dirty) this.#urgent.add(sid);
    return this.#write();
  }

  #writeNow(sid: SessionId): void {
    this.#urgent.add(sid);
    this.#writeSoon();
  }

  #writeSoon(): void {
    if (!this.#isAway) this.#write().catch((error) => this.setAway(error));
  }

  /** Writes everything again, for the store may have lost something. */
  rewrite(): void {
    for (const sid of this.#sessions.keys()) this.#urgent.add(sid);
    this.#writeSoon();
  }

  /** The store cannot be reached. Until {@linkcode setBack} only {@linkcode flush} tries. */
  setAway(error: unknown): void {
    if (!this.#isAway) {
      this.#options.log.warn("Sessions cannot be written; they wait until the store is back", { error });
    }
    this.#isAway = true;
    // a store that is away keeps nobody out
    for (const sid of this.#opening.keys()) this.#settle(sid, "open");
  }

  /** The store was reached. */
  setBack(): void {
    if (!this.#isAway) return;
    this.#isAway = false;
    this.#options.log.info("Sessions are written again", { sessions: this.size });
    // what was written just before the store went away may be lost
    this.rewrite();
  }

  /**
   * Takes what a write answered; whether it was done. Where the store has lost everything it was not, and the store is
   * first told what was announced.
   */
  async accept({ epoch, isKnown, changes }: Answer): Promise<boolean> {
    if (this.#epoch !== undefined && this.#epoch !== epoch) {
      this.#restoring ??= this.#restore(epoch).finally(() => this.#restoring = undefined);
      await this.#restoring;
      return false;
    }
    // who took the node for dead may be clearing its sessions away
    if (!isKnown && this.#epoch !== undefined) this.rewrite();
    this.#epoch = epoch;
    if (changes.length > 0) this.#options.onChanges(changes);
    return true;
  }

  async #restore(epoch: string): Promise<void> {
    this.#options.log.warn("The store has lost the roster, which is written again", { sessions: this.size });
    const ended = [...this.#leaves.values(), ...this.#left.values()].map(({ session }) => session);
    const told = [...this.#sessions.values(), ...ended].filter(({ stored }) => stored !== undefined);
    const node = { ...this.node, epoch };
    for (const sessions of batches(told, this.#options.batchSize)) {
      const entries = sessions.map((session) => this.#entry(session, { active: session.stored! }));
      const written = await this.#options.store.write(node, { leaves: [], entries, silent: true });
      if (written.epoch !== epoch) return await this.#restore(written.epoch);
      if (written.changes.length > 0) this.#options.onChanges(written.changes);
      if (sessions.length === this.#options.batchSize) await delay(0);
    }
    this.#epoch = epoch;
    for (const [sid, { active, stored }] of this.#sessions) if (active !== stored) this.#urgent.add(sid);
    for (const [sid, leave] of this.#left) {
      this.#leaves.set(sid, leave);
      this.#forgetGrace(sid);
    }
  }

  #write(): Promise<void> {
    return this.#writing ??= this.#writeAll();
  }

  async #writeAll(): Promise<void> {
    try {
      // all who ask in one turn of the event loop share a write
      await Promise.resolve();
      while (this.#leaves.size + this.#opening.size + this.#urgent.size > 0) await this.#writeSome();
    } finally {
      this.#writing = undefined;
    }
  }

  async #writeSome(): Promise<void> {
    const { store, batchSize } = this.#options;
    const leaves = this.#leaves.values().take(batchSize).toArray();
    const sessions = this.#take();
    const entries = sessions.map((session) => this.#entry(session));
    let isDone = false;
    try {
      const written = await store.write(this.node, { leaves: leaves.map(leaveEntry), entries });
      isDone = await this.accept(written);
      if (isDone) this.#written(leaves, sessions, entries, written);
    } finally {
      for (const { record: { sid } } of isDone ? [] : sessions) {
        if (this.#sessions.has(sid)) this.#urgent.add(sid);
      }
    }
    if (sessions.length === batchSize) await delay(0);
  }

  /** Takes the sessions of one write from those that wait for it. */
  #take(): Session[] {
    const sids = new Set<SessionId>();
    for (
      const sid of [this.#opening.keys(), this.#urgent.keys()].flatMap((
        waiting,
      ) => [...waiting.take(this.#options.batchSize)])
    ) {
      if (sids.size < this.#options.batchSize) sids.add(sid);
    }
    return Array.from(sids, (sid) => {
      this.#dirty.delete(sid);
      this.#urgent.delete(sid);
      return this.#sessions.get(sid)!;
    });
  }

  #entry(
    { record, active, lastActiveAt, saved }: Session,
    lost?: { active: boolean },
  ): SessionEntry {
    return {
      record: { ...record },
      leaseMs: this.#options.leaseMs,
      active: lost?.active ?? active,
      lastActiveAt,
      maxOfUser: this.#opening.get(record.sid)?.maxOfUser,
      saved: saved?.isStored && !lost ? { pid: saved.pid } : saved && { pid: saved.pid, value: saved.value },
    };
  }

  #written(
    leaves: readonly Leave[],
    sessions: readonly Session[],
    entries: readonly SessionEntry[],
    { refused, taken }: Written,
  ): void {
    const now = this.#options.now();
    for (const leave of leaves) {
      const { session: { record: { sid } }, graceMs } = leave;
      // it may have been opened again meanwhile
      if (this.#leaves.get(sid) !== leave) continue;
      this.#leaves.delete(sid);
      if (graceMs <= 0 || this.#left.size >= MAX_LEAVES) continue;
      this.#left.set(sid, leave);
      this.#graces.set(sid, now + graceMs);
    }
    if (leaves.length > 0) this.#options.onLeft();
    for (const sid of refused) {
      this.#drop(sid);
      this.#settle(sid, "admission/too-many-sessions");
    }
    const gone: SessionRecord[] = [];
    for (const sid of taken) {
      const session = this.#drop(sid);
      if (session && !this.#opening.has(sid)) gone.push(session.record);
      this.#settle(sid, "server/unavailable");
    }
    for (const [index, session] of sessions.entries()) {
      const { record: { sid }, saved } = session, entry = entries[index]!;
      session.stored = entry.active;
      if (saved && saved.value === (entry.saved?.value ?? saved.value)) saved.isStored = true;
      if (this.#sessions.get(sid) !== session) continue;
      this.#leases.set(sid, now + this.#options.leaseMs);
      this.#settle(sid, "open");
    }
    if (gone.length > 0) this.#options.onTaken(gone);
  }
}

function leaveEntry({ session: { record, lastActiveAt, saved }, graceMs, forget }: Leave): LeaveEntry {
  if (!saved) return { record, graceMs, lastActiveAt };
  const { pid, value, isStored } = saved;
  return {
    record,
    graceMs,
    lastActiveAt,
    saved: { pid, forget, value: isStored || forget ? undefined : value },
  };
}
