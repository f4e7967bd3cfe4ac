import assert from "node:assert/strict";
import fc from "fast-check";
import { createMemoryPresenceStore } from "../../lib/presence/memory_store.ts";
import { createRedisPresenceStore } from "../../lib/presence/redis_store.ts";
import type { PresenceStore } from "../../lib/presence/store.ts";
import { nodeId, sessionId, userId } from "../../lib/protocol/ids.ts";
import { createPresence } from "../../lib/presence/service.ts";
import { createRedis } from "../../lib/redis/client.ts";
import { testLog } from "../support/redis_log.ts";
import { startRedis } from "../support/redis_server.ts";
import { runCases } from "../support/contract.ts";
import { topologies } from "../support/redis_topologies.ts";
import { GRACE_MS, presenceStoreContract, session } from "./store_contract.ts";

for (const topology of ["standalone", "Cluster"]) {
  Deno.test(`RedisPresenceStore is a presence store on Redis ${topology}`, async (t) => {
    await using servers = await topologies[topology]!();
    await using redis = await servers.connect();
    let stores = 0;
    await runCases(t, presenceStoreContract(), () => {
      let now = 10_000;
      return Promise.resolve({
        store: createRedisPresenceStore({
          redis,
          prefix: `t${stores++}`,
          graceMs: GRACE_MS,
          now: () => now,
        }),
        advance: (ms) => now += ms,
        [Symbol.asyncDispose]: () => Promise.resolve(),
      });
    });
  });
}

interface Model {
  store: PresenceStore;
  advance(ms: number): void;
}

Deno.test("RedisPresenceStore answers every history as the one in memory does", async () => {
  await using servers = await topologies.standalone!();
  await using redis = await servers.connect();
  const sids = ["s1", "s2", "s3", "s4"].map(sessionId);
  // a session is always the same user's
  const someSession = fc.record({
    index: fc.nat({ max: 3 }),
    owner: fc.constantFrom(nodeId("n1"), nodeId("n2")),
    active: fc.boolean(),
    lastActiveAt: fc.option(fc.integer({ min: 1, max: 99 })),
  }).map(({ index, ...rest }) => session(`s${index + 1}`, index < 2 ? "ada" : `u${index}`, rest));
  const sessions = fc.array(someSession, { minLength: 1, maxLength: 4 });
  const users = ["ada", "u2", "u3"].map(userId);
  type Step = (model: Model) => Promise<unknown>;
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.tuple(sessions, fc.boolean()).map(([some, silent]): Step => ({ store }) =>
      store.put(some, { silent })
    ),
    fc.tuple(sessions, fc.option(fc.nat({ max: 9_000 }), { nil: undefined })).map(
      ([some, graceMs]): Step => ({ store }) => store.leave(some, { graceMs }),
    ),
    fc.subarray(sids).map((some): Step => ({ store }) => store.remove(some)),
    fc.integer({ min: 1, max: 2 * GRACE_MS }).map((ms): Step => async ({ store, advance }) => {
      advance(ms);
      const { changes, waitMs } = await store.settle();
      return { changes: changes.toSorted((a, b) => a.id < b.id ? -1 : 1), waitMs };
    }),
    fc.constant<Step>(({ store }) => store.read(users)),
  );
  let stores = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      let now = 10_000;
      const options = { graceMs: GRACE_MS, now: () => now };
      const memory = await createMemoryPresenceStore(options);
      const shared = createRedisPresenceStore({ redis, prefix: `h${stores++}`, ...options });
      for (const step of steps) {
        const advance = (ms: number): void => void (now += ms);
        assert.deepEqual(
          await step({ store: shared, advance }),
          await step({ store: memory, advance: () => {} }),
        );
      }
    }),
    { numRuns: 80 },
  );
});

Deno.test("RedisPresenceStore keeps nothing of users who left, and lets the rest expire", async () => {
  await using servers = await topologies.standalone!();
  await using redis = await servers.connect();
  const store = createRedisPresenceStore({ redis, prefix: "t", graceMs: 0 });
  await store.put([session("s1", "ada"), session("s2", "bob")]);
  await store.settle();
  const keys = await redis.send(["KEYS", "*"]) as string[];
  for (const key of keys) {
    const ttlMs = Number(await redis.send(["PTTL", key]));
    assert.equal(ttlMs > 0, !/last_active|names/.test(key), key);
  }
  await store.leave([session("s1", "ada")]);
  await store.remove([sessionId("s2")]);
  await store.settle();
  const left = await redis.send(["KEYS", "*"]) as string[];
  assert.deepEqual(left.toSorted(), ["t:last_active", "t:last_active:names", "t:presence:epoch"]);
});

Deno.test("PresenceService keeps silent about a Redis that came back empty", async () => {
  await using server = await startRedis();
  await using redis = createRedis({ url: server.url, log: testLog() });
  await redis.whenUp();
  const store = createRedisPresenceStore({ redis, prefix: "t", graceMs: 50 });
  const changes: string[] = [];
  const offline = Promise.withResolvers<void>();
  const nodes = ["n1", "n2"].map((id) => {
    const presence = createPresence({ store, nodeId: nodeId(id), onError: () => {} });
    presence.onChange(({ id, status }) => {
      changes.push(`${id} ${status}`);
      if (status === "offline") offline.resolve();
    });
    return presence;
  });
  const [first, second] = [nodes[0]!, nodes[1]!];
  const ada = { id: userId("ada"), name: "Ada" };
  await Promise.all(nodes.map((node) => node.resync()));
  await first.connect(sessionId("s1"), ada, { active: false });
  await second.connect(sessionId("s2"), ada);
  await second.connect(sessionId("s3"), { id: userId("bob"), name: "Bob" });

  await server.stop("SIGKILL");
  second.disconnect(sessionId("s3"));
  await server.start({ empty: true });
  await redis.whenUp();
  await Promise.all(nodes.map((node) => node.resync()));
  assert.deepEqual(changes.splice(0), ["ada away", "ada online", "bob online"]);
  assert.equal(await first.status(ada.id), "online");

  // what happened while it was away is told
  await offline.promise;
  assert.deepEqual(changes, ["bob offline"]);
  await Promise.all(nodes.map((node) => node.close()));
});
