/**
 * How many events a session may send: a token bucket, kept as the one moment at which it is full again.
 * It decides and says how long to wait; whoever calls answers the client.
 */

/** The events of one session. */
export interface RateLimit {
  /** Takes one event: 0 when it may go on, else the milliseconds after which the next one may. */
  take(): number;
}

interface RateLimitOptions {
  /** Events a second, which is also how many may come at once; 0 for no limit. */
  perSecond: number;
  /** The clock in milliseconds; it never goes back. */
  now?: () => number;
}

// as many events as a second allows may come at once
const BURST_MS = 1_000;
const UNLIMITED: RateLimit = { take: () => 0 };

export function createRateLimit({ perSecond, now = monotonicNow }: RateLimitOptions): RateLimit {
  if (perSecond === 0) return UNLIMITED;
  const eventMs = 1_000 / perSecond;
  let fullAt = now();
  return {
    take() {
      const at = now();
      const next = Math.max(fullAt, at) + eventMs;
      const waitMs = Math.ceil(next - at - BURST_MS);
      if (waitMs > 0) return waitMs;
      fullAt = next;
      return 0;
    },
  };
}

function monotonicNow(): number {
  return performance.now();
}
