/** How long to wait before an attempt. A pure function of the attempt and of chance; it keeps no count. */

/** The delay in milliseconds before attempt number `attempt` (1, 2, …) of a row of failures. */
export type Backoff = (attempt: number) => number;

/** Options of {@linkcode createBackoff}. */
export interface BackoffOptions {
  /** Delay before the first attempt, in milliseconds. @default 1000 */
  baseMs?: number;
  /** The delay grows up to here, before jitter, in milliseconds. @default 5000 */
  maxMs?: number;
  /** Growth from one attempt to the next, at least 1. @default 2 */
  factor?: number;
  /** Share of the delay that chance adds or takes away, 0 to 1. @default 0.5 */
  jitter?: number;
  /** Source of chance in [0, 1). @default Math.random */
  random?: () => number;
}

/**
 * Exponential back-off with jitter: attempt n waits `min(maxMs, baseMs · factor^(n−1))`, ± `jitter` of it.
 *
 * ```ts
 * const backoff = createBackoff({ baseMs: 500, maxMs: 30_000 });
 * backoff(1); // 250 to 750
 * ```
 *
 * @throws {RangeError} when an option is out of its range.
 */
export function createBackoff(options: BackoffOptions = {}): Backoff {
  const { baseMs = 1000, maxMs = 5000, factor = 2, jitter = 0.5, random = Math.random } = options;
  const rules = {
    "0 <= baseMs <= maxMs": baseMs >= 0 && maxMs >= baseMs,
    "factor >= 1": factor >= 1,
    "0 <= jitter <= 1": jitter >= 0 && jitter <= 1,
  };
  for (const [rule, holds] of Object.entries(rules)) {
    if (!holds) {
      throw new RangeError(`Cannot back off as ${rule} must hold: ${[baseMs, maxMs, factor, jitter]}`);
    }
  }
  return (attempt) => {
    const delay = Math.min(maxMs, baseMs * factor ** (attempt - 1));
    return Math.round(delay * (1 + jitter * (2 * random() - 1)));
  };
}
