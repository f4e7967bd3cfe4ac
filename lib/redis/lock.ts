/** A lock that one holder in the fleet has at a time, for at most its TTL without a renewal, by the clock of Redis. */
import type { Log } from "../log.ts";
import { supervise } from "../supervise.ts";
import { isRetriableError } from "./errors.ts";
import type { Redis } from "./redis.ts";
import { script } from "./script.ts";

interface RedisLockOptions {
  redis: Redis;
  key: string;
  /** Milliseconds that a holder keeps the lock without renewing it. */
  ttlMs: number;
  log: Log;
}

/** A lock of one name. */
export interface RedisLock {
  /** The lock, or `undefined` when somebody has it. Rejects when Redis is away. */
  tryAcquire(): Promise<HeldLock | undefined>;
}

/** A lock in hand, which renews itself. Disposing it releases it. */
interface HeldLock extends AsyncDisposable {
  /** Aborts when the lock is lost or released. */
  readonly signal: AbortSignal;
}

const RENEW = script(`
-- KEYS  1 lock
-- ARGV  1 token   2 ttl in ms
-- 1, or 0 when the lock is not held
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
`);

const RELEASE = script(`
-- KEYS  1 lock
-- ARGV  1 token
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
`);

/** Throws a `RangeError` for a TTL that is not positive. */
export function createRedisLock({ redis, key, ttlMs, log }: RedisLockOptions): RedisLock {
  if (!(ttlMs > 0)) throw new RangeError(`Cannot lock for a TTL of ${ttlMs} ms: it must be positive`);

  function hold(token: string, heldUntil: number): HeldLock {
    const ended = new AbortController();

    async function renew(): Promise<void> {
      const sentAt = performance.now();
      try {
        if (await redis.run(RENEW, { keys: [key], args: [token, ttlMs] }) === 1) {
          heldUntil = sentAt + ttlMs;
          return;
        }
      } catch (error) {
        // away for less than the TTL is no loss: nobody else can have the lock
        if (performance.now() < heldUntil) throw error;
      }
      ended.abort(new Error(`Cannot keep ${key}: the lock is lost`));
    }

    const { signal } = ended;
    const renewing = supervise(`Renewing ${key}`, renew, { intervalMs: ttlMs / 3, log, signal });
    return {
      signal,
      async [Symbol.asyncDispose]() {
        ended.abort(new DOMException("The lock was released", "AbortError"));
        await renewing.ended;
        try {
          await redis.run(RELEASE, { keys: [key], args: [token] });
        } catch (error) {
          // its TTL releases it
          if (!isRetriableError(error)) throw error;
        }
      },
    };
  }

  return {
    async tryAcquire() {
      const token = crypto.randomUUID();
      const heldUntil = performance.now() + ttlMs;
      const answer = await redis.send(["SET", key, token, "NX", "PX", ttlMs]);
      return answer === null ? undefined : hold(token, heldUntil);
    },
  };
}
