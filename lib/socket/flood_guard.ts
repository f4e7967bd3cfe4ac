/**
 * Who sends far more than it may: how often a session may be refused before it is put out, and how long its user is
 * then kept out. Refusing costs nearly as much as serving, so only an end to it spares the neighbours.
 */
import { LRUCache } from "lru-cache";
import { ProtocolError } from "../protocol/codes.ts";
import type { UserId } from "../protocol/ids.ts";
import { createRateLimit, type RateLimit } from "./rate_limit.ts";
import type { LiveSession } from "./types.ts";

/** How many times `EVENTS_PER_SECOND` may be refused in a second: no client that means well comes near it. */
const REFUSALS_FACTOR = 100;
/** How long a user is kept out, in milliseconds. */
export const KEPT_OUT_MS = 10_000;
const MAX_KEPT_OUT = 10_000;

interface FloodGuardOptions {
  /** `EVENTS_PER_SECOND`. */
  eventsPerSecond: number;
  /** A clock in milliseconds that never goes back. */
  now?: () => number;
}

/** Watches over the sessions of this node. */
interface FloodGuard {
  /** An event of the session was refused. `true`: it is to be put out, and its user kept out from now on. */
  refused(session: LiveSession): boolean;
  /** Throws `admission/rate-limited` while the user is kept out. */
  check(userId: UserId): void;
}

export function createFloodGuard(
  { eventsPerSecond, now = () => performance.now() }: FloodGuardOptions,
): FloodGuard {
  const refusals = new WeakMap<LiveSession, RateLimit>();
  const keptOut = new LRUCache<UserId, number>({ max: MAX_KEPT_OUT });

  return {
    refused(session) {
      const limit = refusals.get(session) ??
        createRateLimit({ perSecond: REFUSALS_FACTOR * eventsPerSecond, now });
      refusals.set(session, limit);
      if (limit.take() === 0) return false;
      keptOut.set(session.identity.user.id, now() + KEPT_OUT_MS);
      return true;
    },
    check(userId) {
      const waitMs = (keptOut.get(userId) ?? 0) - now();
      if (waitMs > 0) {
        throw new ProtocolError("admission/rate-limited", undefined, { retryAfterMs: Math.ceil(waitMs) });
      }
    },
  };
}
