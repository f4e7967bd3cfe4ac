/** Round-trip times: the last ones, a smoothed mean and jitter, and the server's clock. Pure arithmetic, no timer. */

/** What the heartbeats say of the line. */
export interface RttStats {
  /** The last round trips in milliseconds, oldest first, at most 30. */
  samples: readonly number[];
  /** Smoothed round-trip time in milliseconds: SRTT of RFC 6298 §2; `null` before the first sample. */
  meanMs: number | null;
  /** Smoothed deviation in milliseconds: RTTVAR of RFC 6298 §2; `null` before the first sample. */
  jitterMs: number | null;
  /**
   * What to add to this machine's clock to get the server's, in milliseconds, from the fastest of the last round trips
   * (Cristian's algorithm: half of it is the way back); `null` before the first sample.
   */
  clockOffsetMs: number | null;
}

const KEPT = 30;
// RFC 6298 §2.3
const ALPHA = 1 / 8;
const BETA = 1 / 4;

/** The statistics before the first sample. */
export const NO_RTT: RttStats = { samples: [], meanMs: null, jitterMs: null, clockOffsetMs: null };

/** `stats` with one more round trip, whose answer came at `now` and carried `serverTime` (both epoch milliseconds). */
export function addRtt(
  stats: RttStats,
  rttMs: number,
  clock?: { now: number; serverTime: number },
): RttStats {
  const samples = [...stats.samples.slice(1 - KEPT), rttMs];
  const { meanMs, jitterMs } = stats;
  const fastest = clock !== undefined && (stats.clockOffsetMs === null || rttMs <= Math.min(...samples));
  return {
    samples,
    meanMs: meanMs === null ? rttMs : (1 - ALPHA) * meanMs + ALPHA * rttMs,
    jitterMs: meanMs === null || jitterMs === null
      ? rttMs / 2
      : (1 - BETA) * jitterMs + BETA * Math.abs(meanMs - rttMs),
    clockOffsetMs: fastest ? Math.round(clock.serverTime + rttMs / 2 - clock.now) : stats.clockOffsetMs,
  };
}
