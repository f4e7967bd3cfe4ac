/** Time as the connection manager sees it. Nothing else in this folder reads a clock or sets a timer, the browser's watch of input apart. */

/** Wall time and one-shot timers; pass your own to move time by hand. */
export interface Clock {
  /** Epoch milliseconds. */
  now(): number;
  /** Calls `run` once after `ms` milliseconds; the result cancels it. */
  after(ms: number, run: () => void): () => void;
}

/** The platform's clock. Looks its functions up at every call, so that faked globals work. */
export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};
