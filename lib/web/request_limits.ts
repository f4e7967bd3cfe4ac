/**
 * How many requests a user and an address may make, over the fleet where there is Redis: a fixed window each, kept by
 * rate-limiter-flexible, in memory while Redis is away.
 */
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from "rate-limiter-flexible";
import { groupOf } from "../address_group.ts";
import { ProtocolError } from "../protocol/codes.ts";
import type { UserId } from "../protocol/ids.ts";
import type { Redis } from "../redis/redis.ts";
import { type Script, script } from "../redis/script.ts";

/** What a request counts as. */
type RequestKind = "request" | "sign-in";

/** Who asks. */
interface Asking {
  /** The client's IP address; `""` when it is not known, which counts for nobody. */
  address: string;
  /** Absent for who is not signed in, and for what a user must always be able to do. */
  userId?: UserId | undefined;
}

export interface RequestLimits {
  /** Counts a request; rejects with `request/rate-limited` and a time to wait. */
  take(kind: RequestKind, asking: Asking): Promise<void>;
}

interface RequestLimitsOptions {
  /** Shares the counts; without one they are this process's. */
  redis?: Redis | undefined;
  /** Before every key. */
  prefix: string;
}

interface Window {
  points: number;
  /** Seconds. */
  duration: number;
}

/** A page takes a few requests, and an office of hundreds is one address. */
const WINDOWS = {
  address: { points: 3_000, duration: 10 },
  user: { points: 500, duration: 10 },
  "sign-in": { points: 60, duration: 60 },
} satisfies Record<string, Window>;

/** Limits that begin empty. */
export function createRequestLimits({ redis, prefix }: RequestLimitsOptions): RequestLimits {
  const limiters = {
    address: limiter("address", WINDOWS.address),
    user: limiter("user", WINDOWS.user),
    "sign-in": limiter("sign-in", WINDOWS["sign-in"]),
  };

  function limiter(name: string, window: Window): RateLimiterMemory | RateLimiterRedis {
    const options = { ...window, keyPrefix: `${prefix}:limit:${name}` };
    const memory = new RateLimiterMemory(options);
    if (redis === undefined) return memory;
    return new RateLimiterRedis({
      ...options,
      storeClient: scriptsOf(redis),
      useRedisPackage: true,
      insuranceLimiter: memory,
      // who is over it costs no round trip
      inMemoryBlockOnConsumed: window.points + 1,
    });
  }

  return {
    async take(kind, { address, userId }) {
      const key = groupOf(address);
      const taken: Promise<RateLimiterRes>[] = [];
      if (key !== "") taken.push(limiters.address.consume(key));
      if (key !== "" && kind === "sign-in") taken.push(limiters["sign-in"].consume(key));
      if (userId !== undefined) taken.push(limiters.user.consume(userId));
      try {
        await Promise.all(taken);
      } catch (error) {
        if (!(error instanceof RateLimiterRes)) throw error;
        throw new ProtocolError("request/rate-limited", undefined, { retryAfterMs: error.msBeforeNext });
      }
    },
  };
}

/** All that the limiter calls of a Redis client: whether it is there, and its one script. */
function scriptsOf(redis: Redis): object {
  const scripts = new Map<string, Script>();
  return {
    get isReady() {
      return redis.isUp;
    },
    eval(lua: string, call: { keys: string[]; arguments: string[] }) {
      let found = scripts.get(lua);
      if (found === undefined) scripts.set(lua, found = script(lua));
      return redis.run(found, { keys: call.keys, args: call.arguments });
    },
  };
}
