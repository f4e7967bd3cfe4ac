/**
 * The heartbeat of every session on one timer. All sessions share one interval and one timeout, so the sessions that
 * wait for a ping, and those that owe a pong, are each in the order in which they fall due.
 */

/** A session as the heartbeat sees it. */
export interface Beating {
  /** When the ping is due, or the pong overdue, on the clock of `performance.now()`. */
  dueAt: number;
  /** A ping is due. */
  ping(): void;
  /** The pong did not come. */
  expire(): void;
}

/** Owns one timer; late by at most a hundredth of the timeout and never by more than a quarter of a second. */
export class Heartbeat {
  readonly #intervalMs: number;
  readonly #timeoutMs: number;
  readonly #slackMs: number;
  readonly #resting = new Set<Beating>();
  readonly #owing = new Set<Beating>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerAt = Infinity;

  constructor({ pingIntervalMs, pingTimeoutMs }: { pingIntervalMs: number; pingTimeoutMs: number }) {
    this.#intervalMs = pingIntervalMs;
    this.#timeoutMs = pingTimeoutMs;
    this.#slackMs = Math.min(250, pingTimeoutMs / 100);
  }

  /** Starts, or on a pong restarts, the wait for the next ping. */
  rest(session: Beating): void {
    this.#owing.delete(session);
    this.#resting.delete(session);
    this.#add(this.#resting, session, this.#intervalMs);
  }

  /** Whether `session` owes a pong. */
  owes(session: Beating): boolean {
    return this.#owing.has(session);
  }

  /** Ends `session` now if its pong is overdue, however the timer stands; answers whether it was. */
  check(session: Beating): boolean {
    // a session whose ping itself is late by the whole timeout is as dead
    const grace = this.#owing.has(session) ? 0 : this.#timeoutMs;
    if (performance.now() < session.dueAt + grace) return false;
    this.stop(session);
    session.expire();
    return true;
  }

  /** Forgets `session`. */
  stop(session: Beating): void {
    this.#resting.delete(session);
    this.#owing.delete(session);
    if (this.#resting.size + this.#owing.size > 0) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#timerAt = Infinity;
  }

  #add(queue: Set<Beating>, session: Beating, delayMs: number): void {
    session.dueAt = performance.now() + delayMs;
    queue.add(session);
    this.#arm(session.dueAt);
  }

  #arm(at: number): void {
    if (at >= this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = at;
    this.#timer = setTimeout(() => this.#sweep(), Math.max(0, at - performance.now()) + this.#slackMs);
  }

  #sweep(): void {
    this.#timerAt = Infinity;
    const now = performance.now();
    try {
      for (const session of this.#owing) {
        if (session.dueAt > now) break;
        this.#owing.delete(session);
        session.expire();
      }
      for (const session of this.#resting) {
        if (session.dueAt > now) break;
        this.#resting.delete(session);
        this.#add(this.#owing, session, this.#timeoutMs);
        session.ping();
      }
    } finally {
      // a listener that throws must not stop the heart of all the others
      for (const queue of [this.#owing, this.#resting]) {
        for (const { dueAt } of queue) {
          this.#arm(dueAt);
          break;
        }
      }
    }
  }
}
