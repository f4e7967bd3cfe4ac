// The parts together on a real Redis: nodes that die, a Redis that goes away, a master that fails over.
import assert from "node:assert/strict";
import { type NodeId, nodeId, sessionId, userId } from "../../lib/protocol/ids.ts";
import { createRedis } from "../../lib/redis/client.ts";
import { isRetriableError } from "../../lib/redis/errors.ts";
import type { RedisOptions } from "../../lib/redis/options.ts";
import type { Redis } from "../../lib/redis/redis.ts";
import { createRoster } from "../../lib/roster/node_roster.ts";
import { createRedisRosterStore } from "../../lib/roster/redis_store.ts";
import type { Roster, RosterOptions } from "../../lib/roster/roster.ts";
import type { RosterStore } from "../../lib/roster/store.ts";
import { type TestLog, testLog } from "../support/redis_log.ts";
import { startRedis, startSentinel } from "../support/redis_server.ts";
import { until } from "../support/until.ts";
import { record, sids } from "./records.ts";

const WRITTEN_AGAIN = "Sessions are written again";

interface Node extends AsyncDisposable {
  id: NodeId;
  redis: Redis;
  store: RosterStore;
  roster: Roster;
  log: TestLog;
  /** What it announced: `ada online`. */
  changes: string[];
  /** Resolves with the changes when one of them is `change`. */
  announced(change: string): Promise<string[]>;
}

/** A node that ticks often. */
async function startNode(
  name: string,
  options: Omit<RedisOptions, "log">,
  times: Partial<RosterOptions> = {},
): Promise<Node> {
  await using stack = new AsyncDisposableStack();
  const log = testLog();
  const redis = stack.use(createRedis({ ...options, log }));
  await redis.whenUp();
  const store = createRedisRosterStore({ redis, prefix: "tether", savedMs: 1000 });
  const id = nodeId(name);
  const roster = stack.use(
    createRoster({ store, nodeId: id, log, leaseMs: 90_000, graceMs: 50, tickMs: 50, ...times }),
  );
  await roster.sweep();
  const changes: string[] = [];
  const owned = stack.move();
  roster.onChange((some) => changes.push(...some.map(({ id, status }) => `${id} ${status}`)));
  return {
    ...{ id, redis, store, roster, log, changes },
    announced: (change) =>
      until(() => Promise.resolve(changes.includes(change) && changes), { what: change }),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function openMany(
  node: Node,
  { count, users = count }: { count: number; users?: number },
): Promise<string[]> {
  const names = Array.from({ length: count }, (_, i) => `${node.id}-${i}`);
  await Promise.all(names.map((sid, i) => {
    return node.roster.open(
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
  survivor.changes.length = 0;

  const gone = Promise.withResolvers<void>();
  const reaped = new Set<string>();
  survivor.roster.onGone((records, reason) => {
    assert.equal(reason, "expired");
    for (const { sid } of records) reaped.add(sid);
    if (reaped.size === 1000) gone.resolve();
  });
  // nothing reaches Redis from it any more, as after a kill -9
  await dead.redis.close();
  await gone.promise;
  await dead[Symbol.asyncDispose]();

  assert.deepEqual(await stored(survivor), mine);
  assert.equal(await survivor.store.countOfUser(userId("user 1")), 1);
  assert.equal(await survivor.store.countOfUser(userId("user 200")), 0);
  // 20 of the 300 users are at the survivor, too
  assert.equal(survivor.changes.length, 280);
  assert.deepEqual([...new Set(survivor.changes.map((change) => change.split(" ").at(-1)))], ["offline"]);
  const keys = await survivor.redis.send(["KEYS", "*"]) as string[];
  const expected = ["session_pool", "session_leases", "nodes", "node_sessions:survivor", "presence"]
    .concat("roster:epoch", "roster:step", "last_active", "last_active:names")
    .concat(Array.from({ length: 20 }, (_, i) => `user_sessions:user ${i}`));
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
    a.roster.close(sessionId("a-0"));
    await a.roster.open(record("a-late", { node: "a", connectedAt: Date.now() }));
    b.roster.alive(sessionId("b-1"), true);
    await Promise.all(
      [a, b].map(({ log }) => log.said("Sessions cannot be written; they wait until the store is back")),
    );
    await server.start({ empty });
    await Promise.all([a, b].map(({ log }) => log.said(WRITTEN_AGAIN)));
    await Promise.all([a.roster.flush(), b.roster.flush()]);
    assert.deepEqual(await stored(a), [...before.filter((sid) => sid !== "a-0"), "a-late"].sort());
    assert.equal([a, b].flatMap(({ log }) => log.lines).filter(({ level }) => level === "error").length, 0);
  });
}

Deno.test("a Redis that was emptied under the nodes is filled again with the next tick", async () => {
  await using server = await startRedis();
  await using node = await startNode("a", { url: server.url });
  await openMany(node, { count: 10 });
  await node.redis.send(["FLUSHALL"]);
  const refilled = async (): Promise<boolean> => await node.store.size() === 10;
  await until(refilled, { what: "the sessions" });
  assert.equal(node.changes.length, 10);
});

Deno.test("a Redis that came back empty is no news to watchers, and what happened meanwhile is", async () => {
  await using server = await startRedis();
  await using first = await startNode("n1", { url: server.url });
  await using second = await startNode("n2", { url: server.url });
  const open = ({ id, roster }: Node, sid: string, user: string) =>
    roster.open(record(sid, { user, node: id, connectedAt: Date.now() }));
  await open(first, "s1", "ada");
  first.roster.alive(sessionId("s1"), false);
  await first.announced("ada away");
  await open(second, "s2", "ada");
  await open(second, "s3", "bob");
  assert.deepEqual(first.changes.splice(0), ["ada online", "ada away"]);
  assert.deepEqual(second.changes.splice(0), ["ada online", "bob online"]);

  await server.stop("SIGKILL");
  second.roster.close(sessionId("s3"));
  await server.start({ empty: true });
  await Promise.all([first, second].map(({ log }) => log.said(WRITTEN_AGAIN)));
  const told = (): Promise<boolean> => Promise.resolve(first.changes.length + second.changes.length > 0);
  await until(told, { what: "the end of bob" });
  const [ada] = await first.roster.presence([userId("ada")]);
  assert.equal(ada!.status, "online");
  assert.deepEqual([...first.changes, ...second.changes], ["bob offline"]);
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
  await until(() => a.roster.flush().then(() => true, orAway), { what: "the new master" });
  await a.roster.open(record("late", { node: "a", connectedAt: Date.now() }));
  const expected = [...before, "late"].sort();
  const all = await until(async () => {
    const found = await stored(a).catch(orAway);
    return found?.length === expected.length && found;
  }, { what: "all sessions" });
  assert.deepEqual(all, expected);
});
