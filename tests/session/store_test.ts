import assert from "node:assert/strict";
import fc from "fast-check";
import type { Redis } from "../../lib/redis/redis.ts";
import { createMemorySessionStore } from "../../lib/session/memory_store.ts";
import { createRedisSessionStore } from "../../lib/session/redis_store.ts";
import type { SessionStore } from "../../lib/session/store.ts";
import { topologies } from "../support/redis_topologies.ts";
import { record, type RecordParts, sids } from "./records.ts";
import { type Clock, sessionStoreContract, type StoreUnderTest } from "./store_contract.ts";
import { nodeId, userId } from "../../lib/protocol/ids.ts";

function memoryStore(clock: Clock): StoreUnderTest {
  return { store: createMemorySessionStore({ now: () => clock.now }), leftovers: () => Promise.resolve([]) };
}

let stores = 0;
function redisStore(redis: Redis, clock: Clock): StoreUnderTest {
  const prefix = `t${stores++}`;
  return {
    store: createRedisSessionStore({ redis, prefix, now: () => clock.now }),
    leftovers: async () => (await redis.sendToMasters(["KEYS", `${prefix}:*`])).flat() as string[],
  };
}

Deno.test("the session store in memory", (t) => sessionStoreContract(t, memoryStore));

for (const [name, start] of Object.entries(topologies)) {
  Deno.test(`the session store on Redis ${name}`, async (t) => {
    await using topology = await start();
    await using redis = await topology.connect();
    await sessionStoreContract(t, (clock) => redisStore(redis, clock));

    await t.step("every set has a time to live", async () => {
      const { store, leftovers } = redisStore(redis, { now: Date.now() });
      await store.put([{ record: record("a"), leaseUntil: Date.now() + 1000 }]);
      for (const key of await leftovers()) {
        const ttl = Number(await redis.send(["PTTL", key]));
        assert.equal(ttl > 0, /user_sessions|node_sessions/.test(key), `${key}: ${ttl}`);
      }
    });
  });
}

type Step = (store: SessionStore, clock: Clock) => Promise<unknown>;

Deno.test("the shared store answers every history as the one in memory does", async () => {
  await using topology = await topologies.standalone!();
  await using redis = await topology.connect();
  const name = (names: string[]) => fc.constantFrom(...names);
  const someRecord = fc.record({
    sid: name(["a", "b", "c", "d"]),
    parts: fc.record({ node: name(["n1", "n2"]), connectedAt: fc.integer({ min: 1, max: 3 }) }),
  }).map(({ sid, parts }) =>
    record(sid, { user: sid < "c" ? "ada" : "bob", ...parts } satisfies RecordParts)
  );
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.tuple(someRecord, fc.integer({ min: 1, max: 50 }), fc.option(fc.constant(1))).map(
      ([record, leaseMs, most]): Step => (store, clock) =>
        store.put([{ record, leaseUntil: clock.now + leaseMs, ...(most !== null && { maxOfUser: most }) }]),
    ),
    someRecord.map((record): Step => (store) => store.remove([record])),
    fc.integer({ min: 1, max: 40 }).map((ms): Step => (_, clock) => Promise.resolve(clock.now += ms)),
    fc.tuple(name(["n1", "n2"]), fc.integer({ min: 1, max: 60 })).map(
      ([node, ms]): Step => (store, clock) => store.renewNode(nodeId(node), clock.now + ms),
    ),
    name(["n1", "n2"]).map((node): Step => (store) => store.removeNode(nodeId(node))),
    fc.boolean().map((finishes): Step => async (store) => {
      const claim = await store.claimExpired({ limit: 10, claimMs: 20 });
      if (finishes) await store.finish(claim);
      return sids(claim.records);
    }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (history) => {
      const [memory, shared] = [{ now: 1000 }, { now: 1000 }];
      const one = memoryStore(memory).store;
      const other = redisStore(redis, shared).store;
      for (const step of history) {
        assert.deepEqual(await step(other, shared), await step(one, memory));
        for (const user of ["ada", "bob"]) {
          assert.deepEqual(sids(await other.ofUser(userId(user))), sids(await one.ofUser(userId(user))));
        }
        assert.equal(await other.size(), await one.size());
      }
    }),
    { numRuns: 150 },
  );
});
