/**
 * Keeps the store in step with the sessions of this node: one write at a time, in order, those that somebody waits for
 * first. When the store is away nothing here fails: what it missed is written when it is back. When it has lost
 * everything, it is told silently what was announced, and then what has happened since.
 */
import { batches } from "../batches.ts";
import { DueIndex } from "../due_index.ts";
import type { Emitter } from "../emitter.ts";
import { ProtocolError } from "../protocol/codes.ts";
import type { SessionId } from "../protocol/ids.ts";
import { delay } from "../supervise.ts";
import type { SessionRecord } from "./record.ts";
import type { CloseOptions, OpenOptions, RosterEvents, RosterOptions, SessionChange } from "./roster.ts";
import type { Answer, LeaveEntry, SessionEntry, Writer, Written } from "./store.ts";

interface WriterOptions extends Required<Omit<RosterOptions, "tickMs" | "onError">> {
  events: Emitter<RosterEvents>;
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
  /** When its grace is over, once it was written. */
  until: number;
}

type Outcome = "open" | "admission/too-many-sessions" | "server/unavailable";

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
  readonly #opening = new Map<SessionId, { maxOfUser?: number; settle: (outcome: Outcome) => void }>();
  readonly #leaves = new Map<SessionId, Leave>();
  /** Those that were written, until their grace is over: a store that is lost meanwhile would never end them. */
  readonly #left = new Map<SessionId, Leave>();
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
    this.#left.delete(sid);
    this.#sessions.set(sid, {
      record: { ...record },
      active: true,
      lastActiveAt: this.#options.now(),
      stored: left?.session.stored,
      saved: saved && { ...saved, isStored: false },
    });
    this.#urgent.add(sid);
    if (this.#isAway) return;
    const { promise, resolve: settle } = Promise.withResolvers<Outcome>();
    this.#opening.set(sid, { maxOfUser, settle });
    this.#writeSoon();
    const outcome = await promise;
    if (outcome !== "open") throw new ProtocolError(outcome);
  }

  /** Notes a sign of life; the record of the session, if there is one. */
  alive(sid: SessionId, active: boolean): SessionRecord | undefined {
    const session = this.#sessions.get(sid);
    if (!session) return undefined;
    // in place: this is the one thing that happens at every heartbeat
    session.record.lastSeenAt = this.#options.now();
    if (active) session.lastActiveAt = session.record.lastSeenAt;
    const isChanged = session.active !== active;
    session.active = active;
    this.#note(sid, isChanged);
    return session.record;
  }

  update(sid: SessionId, change: SessionChange): void {
    const session = this.#sessions.get(sid);
    if (!session) return;
    session.record = { ...session.record, ...change };
    this.#note(sid, false);
  }

  save(sid: SessionId, value: string, { now = false }: { now?: boolean } = {}): void {
    const saved = this.#sessions.get(sid)?.saved;
    if (!saved) return;
    Object.assign(saved, { value, isStored: false });
    this.#note(sid, now);
  }

  #note(sid: SessionId, isUrgent: boolean): void {
    (isUrgent ? this.#urgent : this.#dirty).add(sid);
    if (isUrgent) this.#writeSoon();
  }

  close(sid: SessionId, { graceMs = this.#options.graceMs, forget = false }: CloseOptions = {}): void {
    const session = this.#drop(sid, "open");
    if (!session) return;
    if (this.#leaves.size < MAX_LEAVES) this.#leaves.set(sid, { session, graceMs, forget, until: Infinity });
    this.#writeSoon();
  }

  #drop(sid: SessionId, outcome: Outcome): Session | undefined {
    const session = this.#sessions.get(sid);
    this.#sessions.delete(sid);
    this.#leases.delete(sid);
    this.#dirty.delete(sid);
    this.#urgent.delete(sid);
    this.#settle(sid, outcome);
    return session;
  }

  #settle(sid: SessionId, outcome: Outcome): void {
    this.#opening.get(sid)?.settle(outcome);
    this.#opening.delete(sid);
  }

  /** Milliseconds until the next grace that this node began is over. */
  nextGraceMs(): number {
    const now = this.#options.now();
    let next = Infinity;
    for (const [sid, { until }] of this.#left) {
      if (until <= now) this.#left.delete(sid);
      else if (until < next) next = until;
    }
    return next - now;
  }

  /** Writes what is waiting. Rejects when the store is away; nothing is lost by that. */
  flush(): Promise<void> {
    // the node vouches for the sockets it holds, also for those that are silent
    const { now, leaseMs } = this.#options;
    for (const sid of this.#leases.due(now() + leaseMs / 3, Infinity)) this.#urgent.add(sid);
    for (const sid of this.#dirty) this.#urgent.add(sid);
    return this.#write();
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
  async accept({ epoch, isKnown, step, changes }: Answer): Promise<boolean> {
    if (this.#epoch !== undefined && this.#epoch !== epoch) {
      await (this.#restoring ??= this.#restore(epoch).finally(() => this.#restoring = undefined));
      return false;
    }
    // who took the node for dead may be clearing its sessions away
    if (!isKnown && this.#epoch !== undefined) this.rewrite();
    this.#epoch = epoch;
    if (changes.length > 0) this.#options.events.emit("change", changes, step);
    return true;
  }

  async #restore(epoch: string): Promise<void> {
    const { store, batchSize, events, log } = this.#options;
    log.warn("The store has lost the roster, which is written again", { sessions: this.size });
    const ended = [...this.#leaves.values(), ...this.#left.values()].map(({ session }) => session);
    const told = [...this.#sessions.values(), ...ended].filter(({ stored }) => stored !== undefined);
    for (const some of batches(told, batchSize)) {
      const entries = some.map((session) => this.#entry(session, { active: session.stored! }));
      const written = await store.write({ ...this.node, epoch }, { leaves: [], entries, silent: true });
      if (written.changes.length > 0) events.emit("change", written.changes, written.step);
      if (some.length === batchSize) await delay(0);
    }
    this.#epoch = epoch;
    for (const [sid, leave] of this.#left) this.#leaves.set(sid, leave);
    this.#left.clear();
  }

  #writeSoon(): void {
    if (!this.#isAway) this.#write().catch((error) => this.setAway(error));
  }

  #write(): Promise<void> {
    return this.#writing ??= this.#writeAll();
  }

  async #writeAll(): Promise<void> {
    try {
      // all who ask in one turn of the event loop share a write
      await Promise.resolve();
      while (this.#leaves.size + this.#urgent.size > 0) await this.#writeSome();
    } finally {
      this.#writing = undefined;
    }
  }

  async #writeSome(): Promise<void> {
    const { store, batchSize } = this.#options;
    const leaves = this.#leaves.values().take(batchSize).toArray();
    const sessions = this.#take(batchSize);
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
  #take(limit: number): Session[] {
    const sids = new Set(this.#opening.keys().take(limit));
    for (const sid of this.#urgent) {
      if (sids.size === limit) break;
      sids.add(sid);
    }
    return Array.from(sids, (sid) => {
      this.#dirty.delete(sid);
      this.#urgent.delete(sid);
      return this.#sessions.get(sid)!;
    });
  }

  #entry({ record, active, lastActiveAt, saved }: Session, lost?: { active: boolean }): SessionEntry {
    return {
      record: { ...record },
      leaseMs: this.#options.leaseMs,
      active: lost?.active ?? active,
      lastActiveAt,
      maxOfUser: this.#opening.get(record.sid)?.maxOfUser,
      saved: saved && { pid: saved.pid, value: saved.isStored && !lost ? undefined : saved.value },
    };
  }

  #written(
    leaves: readonly Leave[],
    sessions: readonly Session[],
    entries: readonly SessionEntry[],
    { refused, taken }: Written,
  ): void {
    const { now, leaseMs, onLeft, events } = this.#options;
    for (const leave of leaves) {
      const { sid } = leave.session.record;
      // it may have been opened again meanwhile
      if (this.#leaves.get(sid) !== leave) continue;
      this.#leaves.delete(sid);
      leave.until = now() + leave.graceMs;
      if (this.#left.size < MAX_LEAVES) this.#left.set(sid, leave);
    }
    if (leaves.length > 0) onLeft();
    for (const sid of refused) this.#drop(sid, "admission/too-many-sessions");
    const gone: SessionRecord[] = [];
    for (const sid of taken) {
      const isOpening = this.#opening.has(sid);
      const session = this.#drop(sid, "server/unavailable");
      if (session && !isOpening) gone.push(session.record);
    }
    for (const [index, session] of sessions.entries()) {
      const { record: { sid }, saved } = session, { active, saved: { value } = {} } = entries[index]!;
      session.stored = active;
      if (saved && value === saved.value) saved.isStored = true;
      if (this.#sessions.get(sid) !== session) continue;
      this.#leases.set(sid, now() + leaseMs);
      this.#settle(sid, "open");
    }
    if (gone.length > 0) events.emit("gone", gone, "taken");
  }
}

function leaveEntry({ session: { record, lastActiveAt, saved }, graceMs, forget }: Leave): LeaveEntry {
  const value = saved?.isStored || forget ? undefined : saved?.value;
  return { record, graceMs, lastActiveAt, saved: saved && { pid: saved.pid, forget, value } };
}
