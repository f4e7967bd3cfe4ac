import assert from "node:assert/strict";
import { createRedis } from "../../lib/redis/client.ts";
import { LockLostError } from "../../lib/redis/lock.ts";
import type { Redis } from "../../lib/redis/redis.ts";
import { testLog } from "../support/redis_log.ts";
import { startRedis } from "../support/redis_server.ts";
import { APPEND, keys, lock } from "./lock_contract.ts";

Deno.test("createRedisLock() refuses a TTL that is not positive", () => {
  assert.throws(() => lock({} as Redis, { ttlMs: 0 }), RangeError);
});

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
