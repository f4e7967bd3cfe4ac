/**
 * Says when the tokens of live sessions are about to run out and when they have. One timer serves all sessions. It
 * reads the clock at every turn, so that a clock that was set and a computer that slept delay nothing, and no expiry is
 * too far away for a timer.
 */
import { DueIndex } from "../due_index.ts";

/** Watches over sessions' tokens. Times are epoch milliseconds. */
export interface ExpirySchedule<Id> extends Disposable {
  /** Watches `id` until `expiresAt`, in place of what was set before; `null`: the token never runs out. */
  set(id: Id, expiresAt: number | null): void;
  /** Watches `id` no more. */
  delete(id: Id): void;
}

/** Times in milliseconds. */
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

// so many calls are made before other work gets its turn
const BATCH = 100;

/** Starts no timer before the first session is watched. */
export function createExpirySchedule<Id>(options: ExpiryScheduleOptions<Id>): ExpirySchedule<Id> {
  const { noticeMs, toleranceMs = 0, resolutionMs = 200, onExpiring, onExpired, onError, now = Date.now } =
    options;
  const expiresAt = new Map<Id, number>();
  /** When the notice is due; once that was given, the end. */
  const index = new DueIndex<Id>();
  let timer: ReturnType<typeof setTimeout> | undefined;

  function turn(): void {
    const due = index.due(now(), BATCH);
    for (const id of due) call(id);
    stop();
    wind(due.length < BATCH ? resolutionMs : 0);
  }

  function call(id: Id): void {
    const at = expiresAt.get(id), nowMs = now();
    // deleted or set anew by a call of this turn
    if (at === undefined || index.get(id)! > nowMs) return;
    const isOver = nowMs >= at + toleranceMs;
    if (isOver) remove(id);
    else index.set(id, at + toleranceMs);
    try {
      if (isOver) onExpired(id);
      else onExpiring(id, at);
    } catch (error) {
      onError?.(error);
    }
  }

  function wind(ms: number): void {
    if (timer === undefined && index.size > 0) timer = setTimeout(turn, ms);
  }

  function remove(id: Id): void {
    expiresAt.delete(id);
    index.delete(id);
    if (index.size === 0) stop();
  }

  function stop(): void {
    clearTimeout(timer);
    timer = undefined;
  }

  return {
    set(id, at) {
      remove(id);
      if (at === null) return;
      const nowMs = now();
      expiresAt.set(id, at);
      // who is over already comes in turn, and not before all others
      index.set(id, Math.max(nowMs, at - Math.min(noticeMs, (at - nowMs) / 2)));
      wind(resolutionMs);
    },
    delete: remove,
    [Symbol.dispose]() {
      for (const id of [...expiresAt.keys()]) remove(id);
    },
  };
}
