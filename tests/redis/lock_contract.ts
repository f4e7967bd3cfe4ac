/** What the lock does on every kind of Redis. */
import assert from "node:assert/strict";
import { keyFamily } from "../../lib/redis/keys.ts";
import { createRedisLock, LockLostError, type RedisLock } from "../../lib/redis/lock.ts";
import type { Redis } from "../../lib/redis/redis.ts";
import { script } from "../../lib/redis/script.ts";
import { testLog } from "../support/redis_log.ts";

/** Builds the keys of the tests' locks. */
export const keys = keyFamily({ isCluster: true }, "tether", "locked");
/** Appends to a list. */
export const APPEND = script("return redis.call('RPUSH', KEYS[1], ARGV[1])");

/** A lock that does not renew itself unless it is told to. */
export function lock(
  redis: Redis,
  options: { name?: string; ttlMs?: number; renews?: boolean } = {},
): RedisLock {
  const { name = "lock", ttlMs = 10_000, renews = false } = options;
  return createRedisLock({ redis, key: keys(name), ttlMs, renews, log: testLog() });
}

/** Registers the suite. */
export async function lockContract(t: Deno.TestContext, redis: Redis): Promise<void> {
  await t.step("one holder at a time, and the fence grows", async () => {
    const a = await lock(redis).tryAcquire();
    assert.ok(a);
    assert.equal(await lock(redis).tryAcquire(), undefined);
    await a.release();
    assert.ok(a.signal.aborted);
    await using b = await lock(redis).tryAcquire();
    assert.ok(b && b.fence > a.fence);
  });

  await t.step("of many who ask at once one gets it", async () => {
    const held = await Promise.all(
      Array.from({ length: 10 }, () => lock(redis, { name: "many" }).tryAcquire()),
    );
    assert.equal(held.filter(Boolean).length, 1);
  });

  await t.step("a holder past its TTL cannot renew, write or release what another has", async () => {
    const slow = await lock(redis, { name: "paused", ttlMs: 300 }).tryAcquire();
    assert.ok(slow);
    const write = (value: string) => ({ keys: [keys("list")], args: [value] });
    await slow.run(APPEND, write("slow"));
    // it is paused here: nothing renews, and the next one waits for its turn
    const next = await lock(redis, { name: "paused" }).acquire(new AbortController().signal);
    await next.run(APPEND, write("next"));
    assert.equal(await slow.renew(), false);
    await assert.rejects(slow.run(APPEND, write("late")), LockLostError);
    assert.ok(slow.signal.aborted);
    await slow.release();
    assert.equal(await next.renew(), true);
    assert.deepEqual(await redis.send(["LRANGE", keys("list"), 0, -1]), ["slow", "next"]);
    await next.release();
  });
}
