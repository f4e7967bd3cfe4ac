/**
 * A lock that one holder has at a time, for at most its TTL without a renewal. Time is the server's, so that clocks of
 * nodes do not matter. Who must not write after losing it writes through the lock.
 */
import { delay, type Log, type Loop, supervise } from "../supervise.ts";
import { backoff } from "./backoff.ts";
import { isRetriableError } from "./errors.ts";
import type { Redis, Reply, ScriptCall } from "./redis.ts";
import { type Script, script } from "./script.ts";

/** Options of {@linkcode createRedisLock}. */
export interface RedisLockOptions {
  redis: Redis;
  /** The lock's key; in the family of what is written through it. */
  key: string;
  /** Milliseconds that a holder keeps the lock without renewing it: well above one write of its work. */
  ttlMs: number;
  log: Log;
  /** The clock, in milliseconds; default `performance.now`. */
  now?: () => number;
  /** Whether a held lock renews itself, three times a TTL; default true. */
  renews?: boolean;
}

/** A lock of one name. */
export interface RedisLock {
  /** The lock, or `undefined` when somebody has it. Rejects when Redis is away. */
  tryAcquire(): Promise<HeldLock | undefined>;
  /** Waits for the lock, also while Redis is away; rejects when `signal` aborts. */
  acquire(signal: AbortSignal): Promise<HeldLock>;
}

/** A lock in hand. Disposing it releases it. */
export interface HeldLock extends AsyncDisposable {
  /** Greater than that of every holder before: a store outside Redis refuses writes with a smaller one. */
  readonly fence: number;
  /** Aborts when the lock is lost or released. */
  readonly signal: AbortSignal;
  /** Starts the TTL anew; whether the lock was still held. Rejects when Redis is away. */
  renew(): Promise<boolean>;
  /**
   * Runs a script in the lock's family if, at the moment of its writes, the lock is held; else rejects with a
   * {@linkcode LockLostError}.
   */
  run(script: Script, call: ScriptCall): Promise<Reply>;
  /** Gives the lock back, if it is still held. */
  release(): Promise<void>;
}

/** The lock ran out or went to somebody else: nothing was written. */
export class LockLostError extends Error {
  override readonly name = "LockLostError";
}

// The counter outlives its holders by a day. Where it was lost it starts from the clock, which is past all it ever was.
const NOW = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
`;

const ACQUIRE = script(`
-- KEYS  1 lock: hash of owner, until, fence
-- ARGV  1 token   2 ttl in ms
-- the fencing number, or nil when somebody has the lock
${NOW}
local owner, ends, fence = unpack(redis.call('HMGET', KEYS[1], 'owner', 'until', 'fence'))
if owner and tonumber(ends) > now then return false end
fence = math.max((tonumber(fence) or 0) + 1, now)
redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'until', string.format('%d', now + ARGV[2]), 'fence', string.format('%d', fence))
redis.call('PEXPIRE', KEYS[1], ARGV[2] + 86400000)
return fence
`);

const HELD = `
local owner, ends = unpack(redis.call('HMGET', KEYS[#KEYS], 'owner', 'until'))
local held = owner == ARGV[#ARGV] and tonumber(ends) > now
`;

const RENEW = script(`
-- KEYS  1 lock
-- ARGV  1 ttl in ms   2 token
-- 1, or 0 when the lock is not held
${NOW}${HELD}
if not held then return 0 end
redis.call('HSET', KEYS[1], 'until', string.format('%d', now + ARGV[1]))
redis.call('PEXPIRE', KEYS[1], ARGV[1] + 86400000)
return 1
`);

const RELEASE = script(`
-- KEYS  1 lock
-- ARGV  1 token
if redis.call('HGET', KEYS[1], 'owner') == ARGV[1] then redis.call('HDEL', KEYS[1], 'owner', 'until') end
return 1
`);

/** `inner` behind a check of the lock, whose key and token come last and are taken off before `inner` runs. */
function fenced({ lua }: Script): Script {
  return script(`do
${NOW}${HELD}
if not held then return redis.error_reply('FENCED the lock is lost') end
table.remove(KEYS)
table.remove(ARGV)
end
${lua}`);
}

/** Creates the lock of `key`. Throws a `RangeError` for a TTL that is not positive. */
export function createRedisLock(options: RedisLockOptions): RedisLock {
  const { redis, key, ttlMs } = options;
  if (!(ttlMs > 0)) throw new RangeError(`Cannot lock for a TTL of ${ttlMs} ms: it must be positive`);

  async function tryAcquire(): Promise<HeldLock | undefined> {
    const token = crypto.randomUUID();
    const fence = await redis.run(ACQUIRE, { keys: [key], args: [token, ttlMs] });
    return fence === null ? undefined : new Held(options, { token, fence: fence as number });
  }

  async function acquire(signal: AbortSignal): Promise<HeldLock> {
    for (let failures = 1;; failures++) {
      signal.throwIfAborted();
      try {
        const held = await tryAcquire();
        if (held) return held;
      } catch (error) {
        if (!isRetriableError(error)) throw error;
      }
      await delay(backoff(failures, { firstMs: ttlMs / 20, maxMs: ttlMs / 3 }), signal);
    }
  }

  return { tryAcquire, acquire };
}

class Held implements HeldLock {
  readonly fence: number;
  readonly #options: RedisLockOptions;
  readonly #token: string;
  readonly #now: () => number;
  readonly #ended = new AbortController();
  readonly #fenced = new WeakMap<Script, Script>();
  readonly #renewing: Loop | undefined;
  #heldUntil: number;

  constructor(options: RedisLockOptions, { token, fence }: { token: string; fence: number }) {
    this.#options = options;
    this.#token = token;
    this.fence = fence;
    this.#now = options.now ?? (() => performance.now());
    this.#heldUntil = this.#now() + options.ttlMs;
    if (options.renews ?? true) this.#renewing = this.#keep();
  }

  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  #keep(): Loop {
    const { key, ttlMs, log } = this.#options;
    return supervise(`Renewing ${key}`, () => this.#renewOrLose(), {
      intervalMs: ttlMs / 3,
      log,
      signal: this.signal,
    });
  }

  async #renewOrLose(): Promise<void> {
    try {
      if (await this.renew()) return;
    } catch (error) {
      // away for less than the TTL is no loss: nobody else can have the lock
      if (this.#now() < this.#heldUntil) throw error;
    }
    this.#end(new LockLostError(`Cannot keep ${this.#options.key}: it is lost`));
  }

  async renew(): Promise<boolean> {
    const { redis, key, ttlMs } = this.#options;
    const sentAt = this.#now();
    const held = await redis.run(RENEW, { keys: [key], args: [ttlMs, this.#token] }) === 1;
    if (held) this.#heldUntil = sentAt + ttlMs;
    return held;
  }

  async run(inner: Script, { keys, args = [], binary }: ScriptCall): Promise<Reply> {
    const { redis, key } = this.#options;
    let guarded = this.#fenced.get(inner);
    if (!guarded) this.#fenced.set(inner, guarded = fenced(inner));
    try {
      return await redis.run(guarded, { keys: [...keys, key], args: [...args, this.#token], binary });
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith("FENCED"))) throw error;
      const lost = new LockLostError(`Cannot write under ${key}: the lock is lost`, { cause: error });
      this.#end(lost);
      throw lost;
    }
  }

  async release(): Promise<void> {
    this.#end(new DOMException("The lock was released", "AbortError"));
    await this.#renewing?.ended;
    const { redis, key } = this.#options;
    try {
      await redis.run(RELEASE, { keys: [key], args: [this.#token] });
    } catch (error) {
      // its TTL releases it
      if (!isRetriableError(error)) throw error;
    }
  }

  #end(reason: Error): void {
    this.#ended.abort(reason);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }
}
