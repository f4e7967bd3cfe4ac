/** A token bucket: how often something may happen, at two numbers a bucket and no timer. */
import type { RateLimiter } from "./types.ts";

/** Options of {@linkcode createTokenBucket}. */
export interface TokenBucketOptions {
  /** How many units come back a second; 0 for no limit. */
  perSecond: number;
  /** How many units may be taken at once. Default: `perSecond`. */
  burst?: number;
  /** The clock in milliseconds. */
  now?: () => number;
}

const UNLIMITED: RateLimiter = { take: () => 0 };

class TokenBucket implements RateLimiter {
  readonly #perMs: number;
  readonly #burst: number;
  readonly #now: () => number;
  #units: number;
  #updatedAt: number;

  constructor(perSecond: number, burst: number, now: () => number) {
    this.#perMs = perSecond / 1000;
    this.#burst = burst;
    this.#now = now;
    this.#units = burst;
    this.#updatedAt = now();
  }

  take(): number {
    const now = this.#now();
    // a clock set back must not take units away
    const elapsedMs = Math.max(0, now - this.#updatedAt);
    this.#units = Math.min(this.#burst, this.#units + elapsedMs * this.#perMs);
    this.#updatedAt = now;
    if (this.#units < 1) return Math.ceil((1 - this.#units) / this.#perMs);
    this.#units -= 1;
    return 0;
  }
}

/** Makes a bucket that starts full. */
export function createTokenBucket(
  { perSecond, burst = perSecond, now = Date.now }: TokenBucketOptions,
): RateLimiter {
  return perSecond === 0 ? UNLIMITED : new TokenBucket(perSecond, burst, now);
}
