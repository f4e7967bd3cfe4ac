import assert from "node:assert/strict";
import { createRedis } from "../../lib/redis/client.ts";
import type { Redis } from "../../lib/redis/redis.ts";
import { testLog } from "../support/redis_log.ts";
import { startRedis } from "../support/redis_server.ts";
import { keys, lock } from "./lock_contract.ts";

Deno.test("createRedisLock() refuses a TTL that is not positive", () => {
  assert.throws(() => lock({} as Redis, { ttlMs: 0 }), RangeError);
});

Deno.test("a held lock renews itself beyond its TTL", async () => {
  await using server = await startRedis();
  await using redis = createRedis({ url: server.url, log: testLog() });
  await redis.whenUp();
  await using held = await lock(redis, { ttlMs: 450 }).tryAcquire();
  assert.ok(held);
  const first = Number(await redis.send(["PEXPIRETIME", keys("lock")]));
  while (Number(await redis.send(["PEXPIRETIME", keys("lock")])) < first + 450);
  assert.equal(held.signal.aborted, false);
  assert.equal(await lock(redis).tryAcquire(), undefined);
});

Deno.test("a lock whose holder is gone is free after its TTL", async () => {
  await using server = await startRedis();
  await using redis = createRedis({ url: server.url, log: testLog() });
  await redis.whenUp();
  const dead = createRedis({ url: server.url, log: testLog() });
  await dead.whenUp();
  await using held = await lock(dead, { ttlMs: 300 }).tryAcquire();
  assert.ok(held);
  await dead.close();
  let next;
  while (!(next = await lock(redis).tryAcquire()));
  await next[Symbol.asyncDispose]();
});

Deno.test("after a restart of an empty Redis the old holder learns that it lost the lock", async () => {
  await using server = await startRedis();
  await using redis = createRedis({ url: server.url, log: testLog() });
  await redis.whenUp();
  await using old = await lock(redis, { ttlMs: 1000 }).tryAcquire();
  assert.ok(old);
  const lost = new Promise((resolve) => old.signal.addEventListener("abort", resolve));
  await server.stop("SIGKILL");
  await server.start({ empty: true });
  await redis.whenUp();
  await using next = await lock(redis).tryAcquire();
  assert.ok(next);
  await lost;
});

Deno.test("a holder that cannot reach Redis for its TTL loses the lock", async () => {
  await using server = await startRedis();
  await using redis = createRedis({ url: server.url, log: testLog() });
  await redis.whenUp();
  await using held = await lock(redis, { ttlMs: 120 }).tryAcquire();
  assert.ok(held);
  const lost = new Promise((resolve) => held.signal.addEventListener("abort", resolve));
  await server.stop("SIGKILL");
  await lost;
});
