// The parts together on a real Redis: nodes that die, a Redis that goes away, a master that fails over.
import assert from "node:assert/strict";
import { type NodeId, nodeId, sessionId, userId } from "../../lib/protocol/ids.ts";
import { createRedis } from "../../lib/redis/client.ts";
import { keyFamily } from "../../lib/redis/keys.ts";
import { createRedisLock } from "../../lib/redis/lock.ts";
import { isRetriableError } from "../../lib/redis/errors.ts";
import type { RedisOptions } from "../../lib/redis/options.ts";
import type { Redis } from "../../lib/redis/redis.ts";
import { createSessionDirectory, type SessionDirectory } from "../../lib/session/directory.ts";
import { createReaper } from "../../lib/session/reaper.ts";
import { createRedisSessionStore, SESSION_FAMILY } from "../../lib/session/redis_store.ts";
import type { SessionStore } from "../../lib/session/store.ts";
import { type TestLog, testLog } from "../support/redis_log.ts";
import { startRedis, startSentinel } from "../support/redis_server.ts";
import { until } from "../support/until.ts";
import { record, sids } from "./records.ts";

const PREFIX = "tether";
const WRITTEN_AGAIN = "Sessions are written again";

interface Node extends AsyncDisposable {
  id: NodeId;
  redis: Redis;
  store: SessionStore;
  directory: SessionDirectory;
  log: TestLog;
}

/** A node with short leases. */
async function startNode(
  name: string,
  options: Omit<RedisOptions, "log">,
  leases = { nodeLeaseMs: 15_000 },
): Promise<Node> {
  await using stack = new AsyncDisposableStack();
  const log = testLog();
  const redis = stack.use(createRedis({ ...options, log }));
  await redis.whenUp();
  const store = createRedisSessionStore({ redis, prefix: PREFIX });
  const id = nodeId(name);
  const directory = stack.use(
    createSessionDirectory({ store, nodeId: id, log, leaseMs: 90_000, flushIntervalMs: 50, ...leases }),
  );
  await directory.flush();
  const owned = stack.move();
  return { id, redis, store, directory, log, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

async function openMany(
  node: Node,
  { count, users = count }: { count: number; users?: number },
): Promise<string[]> {
  const names = Array.from({ length: count }, (_, i) => `${node.id}-${i}`);
  await Promise.all(names.map((sid, i) => {
    return node.directory.open(
      record(sid, { node: node.id, user: `user ${i % users}`, connectedAt: Date.now() }),
    );
  }));
  return names.sort();
}

async function stored(node: Node): Promise<string[]> {
  return sids(await Array.fromAsync(node.store.entries()));
}

Deno.test("a node that dies with 1,000 sessions is cleared away by another, and no key stays behind", async () => {
  await using server = await startRedis();
  await using survivor = await startNode("survivor", { url: server.url });
  const dead = await startNode("dead", { url: server.url }, { nodeLeaseMs: 400 });
  const mine = await openMany(survivor, { count: 20 });
  await openMany(dead, { count: 1000, users: 300 });
  assert.equal(await survivor.store.size(), 1020);

  const gone = Promise.withResolvers<void>();
  let reaped = 0;
  const lock = createRedisLock({
    redis: survivor.redis,
    key: keyFamily(survivor.redis, PREFIX, SESSION_FAMILY)("lock", "reaper"),
    ttlMs: 5000,
    log: survivor.log,
  });
  const cleaned = new Set<string>();
  await using _reaper = createReaper({
    store: survivor.store,
    lock,
    log: survivor.log,
    intervalMs: 50,
    cleaners: { presence: (records) => Promise.resolve(records.forEach(({ sid }) => cleaned.add(sid))) },
    onReaped: (records) => (reaped += records.length) === 1000 && gone.resolve(),
  });
  // nothing reaches Redis from it any more, as after a kill -9
  await dead.redis.close();
  await gone.promise;
  await dead[Symbol.asyncDispose]();

  assert.equal(cleaned.size, 1000);
  assert.deepEqual(await stored(survivor), mine);
  assert.equal(await survivor.store.countOfUser(userId("user 1")), 1);
  assert.equal(await survivor.store.countOfUser(userId("user 200")), 0);
  const keys = await survivor.redis.send(["KEYS", "*"]) as string[];
  const expected = ["session_pool", "session_leases", "nodes", "node_sessions:survivor", "lock:reaper"]
    .concat(
      Array.from({ length: 20 }, (_, i) => `user_sessions:user ${i}`),
    );
  assert.deepEqual(keys.sort(), expected.map((key) => `tether:${key}`).sort());
});

for (const empty of [true, false]) {
  Deno.test(`after an outage every session is there again (Redis comes back ${empty ? "empty" : "with its data"})`, async () => {
    await using server = await startRedis({ persist: true });
    await using a = await startNode("a", { url: server.url });
    await using b = await startNode("b", { url: server.url });
    const before = [...await openMany(a, { count: 300 }), ...await openMany(b, { count: 300 })];
    const away = Promise.all(
      [a, b].map(({ redis }) => new Promise<void>((resolve) => redis.on("down", resolve))),
    );
    await server.stop();
    await away;
    a.directory.close(sessionId("a-0"));
    await a.directory.open(record("a-late", { node: "a", connectedAt: Date.now() }));
    b.directory.touch(sessionId("b-1"));
    await Promise.all(
      [a, b].map(({ log }) => log.said("Sessions cannot be written; they wait until the store is back")),
    );
    await server.start({ empty });
    await Promise.all([a, b].map(({ log }) => log.said(WRITTEN_AGAIN)));
    await Promise.all([a.directory.flush(), b.directory.flush()]);
    assert.deepEqual(await stored(a), [...before.filter((sid) => sid !== "a-0"), "a-late"].sort());
    assert.equal([a, b].flatMap(({ log }) => log.lines).filter(({ level }) => level === "error").length, 0);
  });
}

Deno.test("a Redis that was emptied under the nodes is filled again with the next node lease", async () => {
  await using server = await startRedis();
  const restored = Promise.withResolvers<number>();
  await using redis = createRedis({ url: server.url, log: testLog() });
  await redis.whenUp();
  const store = createRedisSessionStore({ redis, prefix: PREFIX });
  await using directory = createSessionDirectory({
    store,
    nodeId: nodeId("a"),
    log: testLog(),
    leaseMs: 90_000,
    nodeLeaseMs: 300,
    flushIntervalMs: 20,
    onRestored: (records) => restored.resolve(records.length),
  });
  await Promise.all(Array.from({ length: 10 }, (_, i) => directory.open(record(`a-${i}`, { node: "a" }))));
  await redis.send(["FLUSHALL"]);
  assert.equal(await restored.promise, 10);
  assert.equal(await store.size(), 10);
});

Deno.test("a failover loses no session", async () => {
  await using fleet = await startSentinel();
  const sentinels = fleet.sentinels.map(({ port }) => ({ host: "127.0.0.1", port }));
  await using a = await startNode("a", { url: `redis://${fleet.name}`, sentinels });
  const before = await openMany(a, { count: 200 });
  const away = new Promise<void>((resolve) => a.redis.on("down", resolve));
  await fleet.failover();
  await away;
  // the sentinels cut the connections to the new master once, which may come after the first to it
  const orAway = (error: unknown): undefined => void assert.ok(isRetriableError(error), String(error));
  await until(() => a.directory.flush().then(() => true, orAway), { what: "the new master" });
  await a.directory.open(record("late", { node: "a", connectedAt: Date.now() }));
  const expected = [...before, "late"].sort();
  const all = await until(async () => {
    const found = await stored(a).catch(orAway);
    return found?.length === expected.length && found;
  }, { what: "all sessions" });
  assert.deepEqual(all, expected);
});
