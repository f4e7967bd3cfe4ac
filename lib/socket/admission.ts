/**
 * How many are let in: nobody while the node drains or runs out of memory, and so many a second of those whose token was
 * good. What bad ones cost is in `token_door.ts`.
 */
import { LRUCache } from "lru-cache";
import { ProtocolError } from "../protocol/codes.ts";
import type { UserId } from "../protocol/ids.ts";
import { createRateLimit, type RateLimit } from "./rate_limit.ts";

interface AdmissionOptions {
  connectsPerSecond: number;
  /** The clock in milliseconds. */
  now?: () => number;
  /** 0 ≤ x < 1, for spreading the retries. */
  random?: () => number;
}

/** The door. */
export interface Admission {
  /** Before a token is looked at: throws `server/draining`, or `admission/overloaded` while newcomers are held off. */
  check(): void;
  /** A token was good: takes one of the second's connects, or throws `admission/overloaded` or `admission/rate-limited`. */
  take(userId: UserId): void;
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
/** One user takes at most this part of a second's connects, so that one token does not keep the others out. */
const USER_SHARE = 0.1, MIN_OF_USER = 20;
const MAX_USERS = 10_000;

export function createAdmission(
  { connectsPerSecond, now, random = Math.random }: AdmissionOptions,
): Admission {
  const clock = now && { now };
  const rate = createRateLimit({ perSecond: connectsPerSecond, ...clock });
  const ofUser = Math.max(MIN_OF_USER, USER_SHARE * connectsPerSecond);
  const users = new LRUCache<UserId, RateLimit>({ max: MAX_USERS });
  let drainSpreadMs: number | undefined, isHeld = false;
  const spread = (ms: number): number => Math.round(ms * (0.5 + random()));

  function refuse(code: "admission/overloaded" | "admission/rate-limited", waitMs: number): never {
    throw new ProtocolError(code, undefined, { retryAfterMs: spread(waitMs + OVERLOAD_SPREAD_MS) });
  }

  return {
    check() {
      if (drainSpreadMs !== undefined) {
        throw new ProtocolError("server/draining", undefined, { retryAfterMs: spread(drainSpreadMs) });
      }
      if (isHeld) refuse("admission/overloaded", HELD_MS);
    },
    take(userId) {
      const user = users.get(userId) ?? createRateLimit({ perSecond: ofUser, ...clock });
      users.set(userId, user);
      const ownWaitMs = user.take();
      if (ownWaitMs > 0) refuse("admission/rate-limited", ownWaitMs);
      const waitMs = rate.take();
      if (waitMs > 0) refuse("admission/overloaded", waitMs);
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
