/** Watches the sessions whose frames could not leave at once. Costs nothing while every client keeps up. */

/** A session as this watch sees it. */
export interface Pressed {
  /** Writes what it can. */
  relieve(nowMs: number): "relieved" | "moving" | "stuck";
}

const FIRST_SWEEP_MS = 2;
const LAST_SWEEP_MS = 50;

/** One timer for all: frequent while frames move, slower while they do not, stopped when none waits. */
export class Pressure {
  readonly #sessions = new Set<Pressed>();
  #delayMs = FIRST_SWEEP_MS;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Watches `session` until it is relieved or removed. */
  add(session: Pressed): void {
    this.#sessions.add(session);
    this.#timer ??= setTimeout(() => this.#sweep(), this.#delayMs);
  }

  /** Forgets `session`. */
  remove(session: Pressed): void {
    this.#sessions.delete(session);
    if (this.#sessions.size > 0) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#delayMs = FIRST_SWEEP_MS;
  }

  #sweep(): void {
    this.#timer = undefined;
    this.#delayMs = Math.min(LAST_SWEEP_MS, this.#delayMs * 2);
    const now = performance.now();
    try {
      for (const session of this.#sessions) {
        const state = session.relieve(now);
        if (state === "relieved") this.remove(session);
        if (state === "moving") this.#delayMs = FIRST_SWEEP_MS;
      }
    } finally {
      // a listener that throws must not leave the other sessions unwatched
      if (this.#sessions.size > 0) this.#timer ??= setTimeout(() => this.#sweep(), this.#delayMs);
    }
  }
}
