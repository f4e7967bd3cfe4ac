/** How long to wait before trying again. */

interface BackoffOptions {
  /** The mean wait before the first new attempt, in milliseconds; it doubles with each. */
  firstMs: number;
  /** The largest mean wait, in milliseconds. */
  maxMs: number;
  /** A number from 0 up to 1; default `Math.random`. */
  random?: () => number;
}

/** The wait in milliseconds after `failures` failures (1 for the first), ± 50 % at random. */
export function backoff(failures: number, { firstMs, maxMs, random = Math.random }: BackoffOptions): number {
  return Math.min(maxMs, firstMs * 2 ** (failures - 1)) * (0.5 + random());
}
