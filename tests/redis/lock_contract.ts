/** What the lock does on every kind of Redis. */
import assert from "node:assert/strict";
import { keyFamily } from "../../lib/redis/keys.ts";
import { createRedisLock, type RedisLock } from "../../lib/redis/lock.ts";
import type { Redis } from "../../lib/redis/redis.ts";
import { testLog } from "../support/redis_log.ts";

/** Builds the keys of the tests' locks. */
export const keys = keyFamily({ isCluster: true }, "tether", "locked");

/** A lock among those who share `redis`. */
export function lock(redis: Redis, options: { name?: string; ttlMs?: number } = {}): RedisLock {
  const { name = "lock", ttlMs = 10_000 } = options;
  return createRedisLock({ redis, key: keys(name), ttlMs, log: testLog() });
}

/** Registers the suite. */
export async function lockContract(t: Deno.TestContext, redis: Redis): Promise<void> {
  await t.step("one holder at a time, until it releases the lock", async () => {
    const first = await lock(redis).tryAcquire();
    assert.ok(first);
    assert.equal(await lock(redis).tryAcquire(), undefined);
    await first[Symbol.asyncDispose]();
    assert.ok(first.signal.aborted);
    await using second = await lock(redis).tryAcquire();
    assert.ok(second);
  });

  await t.step("of many who ask at once one gets it", async () => {
    const held = await Promise.all(
      Array.from({ length: 10 }, () => lock(redis, { name: "many" }).tryAcquire()),
    );
    assert.equal(held.filter(Boolean).length, 1);
    await held.find(Boolean)![Symbol.asyncDispose]();
  });

  await t.step("who lost the lock is told at the next renewal, and takes it from nobody", async () => {
    const options = { name: "lost", ttlMs: 300 };
    const slow = await lock(redis, options).tryAcquire();
    assert.ok(slow);
    const lost = new Promise((resolve) => slow.signal.addEventListener("abort", resolve));
    // as when its time is over
    await redis.send(["DEL", keys("lost")]);
    await using next = await lock(redis, options).tryAcquire();
    assert.ok(next);
    await lost;
    await slow[Symbol.asyncDispose]();
    assert.equal(await lock(redis, options).tryAcquire(), undefined);
    assert.equal(next.signal.aborted, false);
  });
}
