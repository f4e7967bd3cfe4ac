/** Who is let in, after the token was found good: connects a second, sessions a user, and nobody while draining. */
import type { UserId } from "../protocol/ids.ts";
import { ProtocolError } from "../protocol/codes.ts";
import { createTokenBucket } from "./rate_limit.ts";

/** Options of {@linkcode createAdmission}. */
export interface AdmissionOptions {
  connectsPerSecond: number;
  sessionsPerUser: number;
  /** How many sessions a user has in the fleet. */
  countOfUser: (id: UserId) => Promise<number>;
  now?: () => number;
  /** 0 ≤ x < 1, for spreading the retries. */
  random?: () => number;
}

/** The door. */
export interface Admission {
  /** Throws `server/draining` or `admission/overloaded`; cheap, to be asked before the token is verified. */
  checkLoad(): void;
  /** Throws `admission/too-many-sessions` or `server/unavailable`. */
  checkUser(id: UserId): Promise<void>;
  /** From now on nobody is admitted; `retryAfterMs` is drawn anew for each client. */
  drain(spreadMs: number): void;
  /** A wait that differs from client to client, so that they do not come back as one. */
  spread(ms: number): number;
}

/** Makes the door. */
export function createAdmission(
  { connectsPerSecond, sessionsPerUser, countOfUser, now = Date.now, random = Math.random }: AdmissionOptions,
): Admission {
  const bucket = createTokenBucket({ perSecond: connectsPerSecond, burst: connectsPerSecond, now });
  let drainSpreadMs: number | undefined;
  const spread = (ms: number): number => Math.round(ms * (0.5 + random()));
  return {
    checkLoad() {
      if (drainSpreadMs !== undefined) {
        throw new ProtocolError("server/draining", undefined, { retryAfterMs: spread(drainSpreadMs) });
      }
      // those who are turned away together come back spread over two seconds and more, not in the same millisecond
      const waitMs = bucket.take();
      if (waitMs > 0) {
        throw new ProtocolError("admission/overloaded", undefined, { retryAfterMs: spread(waitMs + 2000) });
      }
    },
    async checkUser(id) {
      if (await countOfUser(id) >= sessionsPerUser) throw new ProtocolError("admission/too-many-sessions");
    },
    drain(spreadMs) {
      drainSpreadMs = spreadMs;
    },
    spread,
  };
}
