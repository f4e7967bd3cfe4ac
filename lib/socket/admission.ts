/** Who is let in before any token is looked at: so many connects a second, and nobody while draining. */
import { ProtocolError } from "../protocol/codes.ts";
import { createRateLimit } from "./rate_limit.ts";

/** Options of {@linkcode createAdmission}. */
interface AdmissionOptions {
  connectsPerSecond: number;
  /** The clock in milliseconds. */
  now?: () => number;
  /** 0 ≤ x < 1, for spreading the retries. */
  random?: () => number;
}

/** The door. */
export interface Admission {
  /** Throws `server/draining` or `admission/overloaded`. */
  check(): void;
  /** Whether newcomers are turned away for a while, with `admission/overloaded`. */
  hold(isHeld: boolean): void;
  /** From now on nobody is admitted; each client gets a wait of its own around `spreadMs`. */
  drain(spreadMs: number): void;
  /** A wait of `ms` ± 50 %, so that clients do not come back as one. */
  spread(ms: number): number;
}

// those who are turned away together come back over two seconds and more, not in the same millisecond
const OVERLOAD_SPREAD_MS = 2000;
// until memory is free again, at a guess
const HELD_MS = 5000;

/** Makes the door. */
export function createAdmission(
  { connectsPerSecond, now, random = Math.random }: AdmissionOptions,
): Admission {
  const rate = createRateLimit({ perSecond: connectsPerSecond, ...(now && { now }) });
  let drainSpreadMs: number | undefined, isHeld = false;
  const spread = (ms: number): number => Math.round(ms * (0.5 + random()));
  return {
    check() {
      if (drainSpreadMs !== undefined) {
        throw new ProtocolError("server/draining", undefined, { retryAfterMs: spread(drainSpreadMs) });
      }
      const waitMs = isHeld ? HELD_MS : rate.take();
      if (waitMs > 0) {
        throw new ProtocolError("admission/overloaded", undefined, {
          retryAfterMs: spread(waitMs + OVERLOAD_SPREAD_MS),
        });
      }
    },
    hold(held) {
      isHeld = held;
    },
    drain(spreadMs) {
      drainSpreadMs = spreadMs;
    },
    spread,
  };
}
