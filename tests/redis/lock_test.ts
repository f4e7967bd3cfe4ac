import assert from "node:assert/strict";
import { keyFamily } from "../../lib/redis/keys.ts";
import { createRedisLock, LockLostError, type RedisLock } from "../../lib/redis/lock.ts";
import type { Redis } from "../../lib/redis/redis.ts";
import { script } from "../../lib/redis/script.ts";
import { createRedis } from "../../lib/redis/client.ts";
import { testLog } from "../support/redis_log.ts";
import { startRedis } from "../support/redis_server.ts";
import { topologies } from "../support/redis_topologies.ts";

const keys = keyFamily("tether", "locked");
const APPEND = script("return redis.call('RPUSH', KEYS[1], ARGV[1])");

function lock(redis: Redis, options: { name?: string; ttlMs?: number; renews?: boolean } = {}): RedisLock {
  const { name = "lock", ttlMs = 10_000, renews = false } = options;
  return createRedisLock({ redis, key: keys(name), ttlMs, renews, log: testLog() });
}

Deno.test("createRedisLock() refuses a TTL that is not positive", () => {
  assert.throws(() => lock({} as Redis, { ttlMs: 0 }), RangeError);
});

for (const [name, start] of Object.entries(topologies)) {
  Deno.test(`the lock on Redis ${name}`, async (t) => {
    await using topology = await start();
    await using redis = await topology.connect();

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
  });
}

Deno.test("a held lock renews itself beyond its TTL", async () => {
  await using server = await startRedis();
  await using redis = createRedis({ url: server.url, log: testLog() });
  await redis.whenUp();
  await using held = await lock(redis, { ttlMs: 450, renews: true }).tryAcquire();
  assert.ok(held);
  const first = await redis.send(["HGET", keys("lock"), "until"]);
  let until = first;
  while (Number(until) < Number(first) + 450) until = await redis.send(["HGET", keys("lock"), "until"]);
  assert.equal(held.signal.aborted, false);
  assert.equal(await lock(redis).tryAcquire(), undefined);
});

Deno.test("after a restart of an empty Redis the old holder cannot write, and learns that it lost the lock", async () => {
  await using server = await startRedis();
  await using redis = createRedis({ url: server.url, log: testLog() });
  await redis.whenUp();
  const old = await lock(redis, { ttlMs: 1000, renews: true }).tryAcquire();
  assert.ok(old);
  await server.stop("SIGKILL");
  await server.start({ empty: true });
  const next = await lock(redis, { name: "lock" }).acquire(new AbortController().signal);
  assert.ok(next.fence > old.fence);
  await assert.rejects(old.run(APPEND, { keys: [keys("list")], args: ["old"] }), LockLostError);
  assert.ok(old.signal.aborted && old.signal.reason instanceof LockLostError);
  await next.run(APPEND, { keys: [keys("list")], args: ["next"] });
  assert.deepEqual(await redis.send(["LRANGE", keys("list"), 0, -1]), ["next"]);
  await old.release();
  await next.release();
});

Deno.test("a holder that cannot reach Redis for its TTL loses the lock", async () => {
  await using server = await startRedis();
  await using redis = createRedis({ url: server.url, log: testLog() });
  await redis.whenUp();
  const held = await lock(redis, { ttlMs: 120, renews: true }).tryAcquire();
  assert.ok(held);
  const lost = new Promise((resolve) => held.signal.addEventListener("abort", resolve));
  await server.stop("SIGKILL");
  await lost;
  await held.release();
});

Deno.test("acquire() stops waiting when its signal aborts", async () => {
  await using server = await startRedis();
  await using redis = createRedis({ url: server.url, log: testLog() });
  await redis.whenUp();
  await using held = await lock(redis).tryAcquire();
  assert.ok(held);
  const controller = new AbortController();
  const waiting = lock(redis).acquire(controller.signal);
  controller.abort(new Error("enough"));
  await assert.rejects(waiting, /enough/);
});
