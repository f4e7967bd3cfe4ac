/**
 * Says when the tokens of live sessions are about to run out and when they have. One timer serves all sessions:
 * a wheel of slots that turns while there are any. It reads the clock at every turn, so that a clock that was set
 * and a computer that slept delay nothing, and no expiry is too far away for a timer.
 */

/** Watches over sessions' tokens. Times are epoch milliseconds. */
export interface ExpirySchedule<Id> extends Disposable {
  /** How many sessions are watched. */
  readonly size: number;
  /** Watches `id` until `expiresAt`, in place of what was set before; `null`: the token never runs out. */
  set(id: Id, expiresAt: number | null): void;
  /** Watches `id` no more. */
  delete(id: Id): void;
}

/** Options of {@linkcode createExpirySchedule}. Times in milliseconds. */
interface ExpiryScheduleOptions<Id> {
  /** How long before the expiry `onExpiring` comes; with less than twice that left, at half of what is left. */
  noticeMs: number;
  /** How long after the expiry `onExpired` comes: the tolerance with which tokens are verified. Default 0. */
  toleranceMs?: number;
  /** How late a call may come. Default 200. */
  resolutionMs?: number;
  /** The token of `id` runs out soon, at `expiresAt`. Called once for every `set`. */
  onExpiring: (id: Id, expiresAt: number) => void;
  /** The token of `id` has run out; `id` is watched no more. */
  onExpired: (id: Id) => void;
  /** Told when one of the two throws. */
  onError?: (error: unknown) => void;
  /** The clock, epoch milliseconds. */
  now?: () => number;
}

interface Entry<Id> {
  readonly id: Id;
  readonly expiresAt: number;
  /** The notice; once that was given, the end. */
  dueAt: number;
  slot?: Set<Entry<Id>>;
}

const SLOTS = 512;
// so many calls are made before other work gets its turn
const BATCH = 100;

/** Makes an {@linkcode ExpirySchedule}. */
export function createExpirySchedule<Id>(options: ExpiryScheduleOptions<Id>): ExpirySchedule<Id> {
  return new Wheel(options);
}

class Wheel<Id> implements ExpirySchedule<Id> {
  readonly #options: Required<ExpiryScheduleOptions<Id>>;
  readonly #entries = new Map<Id, Entry<Id>>();
  /** An entry lies in the slot of its tick, modulo the number of slots. */
  readonly #slots: Set<Entry<Id>>[] = Array.from({ length: SLOTS }, () => new Set());
  /** The first tick whose slot was not looked at yet. */
  #tick = 0;
  /** What was found due and not called yet. */
  #due: Entry<Id>[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: ExpiryScheduleOptions<Id>) {
    const { toleranceMs = 0, resolutionMs = 200, onError = () => {}, now = Date.now } = options;
    this.#options = { ...options, toleranceMs, resolutionMs, onError, now };
  }

  get size(): number {
    return this.#entries.size;
  }

  set(id: Id, expiresAt: number | null): void {
    this.delete(id);
    if (expiresAt === null) return;
    const { now, noticeMs } = this.#options;
    const nowMs = now();
    const leftMs = Math.max(0, expiresAt - nowMs);
    const entry = { id, expiresAt, dueAt: expiresAt - Math.min(noticeMs, leftMs / 2) };
    const tick = this.#tickOf(nowMs);
    // smaller than at the last turn when the clock was set back since
    if (this.#timer === undefined || tick < this.#tick) this.#tick = tick;
    if (this.#timer === undefined) this.#wind();
    this.#entries.set(id, entry);
    this.#place(entry);
  }

  delete(id: Id): void {
    const entry = this.#entries.get(id);
    if (!entry) return;
    this.#entries.delete(id);
    entry.slot?.delete(entry);
    if (this.#entries.size === 0) this.#stop();
  }

  [Symbol.dispose](): void {
    for (const id of this.#entries.keys()) this.delete(id);
  }

  #turn(): void {
    const tick = this.#tickOf(this.#options.now());
    // after a long sleep every slot is looked at once; after the clock was set back, none
    for (let past = Math.max(this.#tick, tick - SLOTS); past < tick; past++) this.#collect(past);
    this.#tick = tick;
    for (const entry of this.#due.splice(0, BATCH)) this.#call(entry);
    if (this.#entries.size > 0) this.#wind();
  }

  #collect(tick: number): void {
    const slot = this.#slots[tick % SLOTS]!;
    for (const entry of slot) {
      if (this.#tickOf(entry.dueAt) > tick) continue; // not in this round
      slot.delete(entry);
      this.#due.push(entry);
    }
  }

  #call(entry: Entry<Id>): void {
    const { id, expiresAt } = entry;
    if (this.#entries.get(id) !== entry) return; // deleted or set anew since it was found due
    const { now, toleranceMs, onExpiring, onExpired, onError } = this.#options;
    const endsAt = expiresAt + toleranceMs;
    const ended = now() >= endsAt;
    if (ended) {
      this.delete(id);
    } else {
      entry.dueAt = endsAt;
      this.#place(entry);
    }
    try {
      if (ended) onExpired(id);
      else onExpiring(id, expiresAt);
    } catch (error) {
      onError(error);
    }
  }

  #place(entry: Entry<Id>): void {
    const tick = Math.max(this.#tickOf(entry.dueAt), this.#tick);
    entry.slot = this.#slots[tick % SLOTS]!;
    entry.slot.add(entry);
  }

  #tickOf(ms: number): number {
    return Math.floor(ms / this.#options.resolutionMs);
  }

  #wind(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#turn(), this.#due.length > 0 ? 0 : this.#options.resolutionMs);
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#due = [];
  }
}
