import assert from "node:assert/strict";
import fc from "fast-check";
import { sessionId, userId } from "../../lib/protocol/ids.ts";
import { keyFamily } from "../../lib/redis/keys.ts";
import type { Redis } from "../../lib/redis/redis.ts";
import { createKvLastActiveStore } from "../../lib/roster/kv_last_active_store.ts";
import { createMemoryRosterStore } from "../../lib/roster/memory_store.ts";
import { createRedisRosterStore } from "../../lib/roster/redis_store.ts";
import type { LeaveEntry, RosterStore, SessionEntry } from "../../lib/roster/store.ts";
import { runCases } from "../support/contract.ts";
import { topologies } from "../support/redis_topologies.ts";
import { presenceCases } from "./presence_contract.ts";
import { end, entry, leave, put, sids, tick, writer } from "./records.ts";
import { SAVED_MS, savedCases, savedEnds, usageCases } from "./saved_and_usage_contract.ts";
import { sessionCases, START, type StoreFixture } from "./store_contract.ts";

const cases = [...sessionCases(), ...presenceCases(), ...savedCases(), ...usageCases()];

async function openMemory(kv?: Deno.Kv): Promise<StoreFixture> {
  const clock = { now: START };
  const store = await createMemoryRosterStore({
    savedMs: SAVED_MS,
    now: () => clock.now,
    ...(kv && { lastActive: createKvLastActiveStore(kv) }),
  });
  return { store, clock, leftovers: () => Promise.resolve([]), [Symbol.asyncDispose]: () => store.close() };
}

let stores = 0;
// what outlives the sessions: last activities, the node that wrote, the name of the contents, the last announcement
const STANDING = /:(last_active|last_active:names|nodes|roster:(epoch|step)|usage_pool:announced)$/;

function openRedis(redis: Redis, clock = { now: START }): StoreFixture & { keys(): Promise<string[]> } {
  const prefix = `t${stores++}`;
  const key = keyFamily(redis, prefix, "fleet")();
  const keys = async () => await redis.send(["KEYS", `${prefix}:*`], { key }) as string[];
  return {
    store: createRedisRosterStore({ redis, prefix, savedMs: SAVED_MS, now: () => clock.now }),
    clock,
    keys,
    leftovers: async () => (await keys()).filter((key) => !STANDING.test(key)),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

Deno.test("the roster in memory is a roster store", async (t) => {
  await runCases(t, cases, () => openMemory());
  await t.step("keeps what is saved for its time", async () => {
    const { store, clock } = await openMemory();
    await savedEnds(store, (ms) => Promise.resolve(void (clock.now += ms)));
  });
});

Deno.test("the roster in memory over Deno KV is a roster store", async (t) => {
  using kv = await Deno.openKv(":memory:");
  await runCases(t, presenceCases(), async () => {
    for await (const { key } of kv.list({ prefix: [] })) await kv.delete(key);
    return await openMemory(kv);
  });
});

for (const [name, start] of Object.entries(topologies)) {
  Deno.test(`the roster on Redis ${name} is a roster store`, async (t) => {
    await using topology = await start();
    await using redis = await topology.connect();
    await runCases(t, cases, () => Promise.resolve(openRedis(redis)));

    await t.step("every key but the last activities has a time to live", async () => {
      const { store, keys } = openRedis(redis, { now: Date.now() });
      const saved = { saved: { pid: "p", value: "kept" } };
      await put(store, [entry("a", saved), entry("b", { user: "bob" }), entry("c", { user: "cyd" })]);
      await end(store, leave("b", { user: "bob" }));
      await tick(store, { models: ["m"] });
      const all = await keys();
      assert.equal(all.length, 17);
      for (const key of all) {
        const ttl = Number(await redis.send(["PTTL", key]));
        assert.equal(ttl > 0, !/:last_active(:names)?$/.test(key), `${key}: ${ttl}`);
      }
      const ttl = Number(await redis.send(["PTTL", all.find((key) => key.endsWith(":saved:p"))!]));
      assert.ok(ttl > SAVED_MS && ttl <= SAVED_MS + 1000, `${ttl}`);
    });
  });
}

Deno.test("the roster in memory over Deno KV shows last activity after a restart", async () => {
  using kv = await Deno.openKv(":memory:");
  const lastActive = createKvLastActiveStore(kv);
  const before = await createMemoryRosterStore({ savedMs: SAVED_MS, lastActive });
  await put(before, [entry("s1"), entry("s2", { user: "bob", lastActiveAt: null })]);
  await before.close();
  const after = await createMemoryRosterStore({ savedMs: SAVED_MS, lastActive });
  assert.deepEqual((await after.recent({ limit: 10 })).users, [
    { id: "ada", name: "ADA", status: "offline", lastActiveAt: 1000 },
    { id: "bob", name: "BOB", status: "offline", lastActiveAt: null },
  ]);
  await after.close();
});

Deno.test("last activities that could not be written are written a minute later", async () => {
  const clock = { now: START };
  const saved: string[] = [];
  const errors: unknown[] = [];
  let isBroken = true;
  const store = await createMemoryRosterStore({
    savedMs: SAVED_MS,
    now: () => clock.now,
    onError: (error) => errors.push(error),
    lastActive: {
      load: () => Promise.resolve([]),
      save(seen) {
        if (isBroken) return Promise.reject(new Error("injected"));
        saved.push(...seen.keys());
        return Promise.resolve();
      },
    },
  });
  await put(store, [entry("s1", { leaseMs: 1e9 })]);
  await tick(store);
  clock.now += 60_000;
  await tick(store);
  await tick(store);
  isBroken = false;
  await Promise.resolve();
  clock.now += 59_999;
  await tick(store);
  assert.deepEqual([errors.length, saved], [1, []]);
  clock.now += 1;
  await tick(store);
  await store.close();
  assert.deepEqual(saved, ["ada"]);
});

Deno.test("KvLastActiveStore keeps more users than one commit takes", async () => {
  using kv = await Deno.openKv(":memory:");
  const store = createKvLastActiveStore(kv);
  const seen = Array.from({ length: 1200 }, (_, at) => ({ id: userId(`u${at}`), name: "N", at }));
  await store.save(new Map(seen.map((user) => [user.id, user])));
  assert.equal((await store.load()).length, 1200);
  await store.save(new Map(seen.map(({ id }) => [id, undefined])));
  assert.deepEqual(await store.load(), []);
});

type Step = (store: RosterStore, clock: { now: number }) => Promise<unknown>;

Deno.test("the roster on Redis answers every history as the one in memory does", async () => {
  await using topology = await topologies.standalone!();
  await using redis = await topology.connect();
  const SIDS = ["a", "b", "c", "d"];
  const name = (names: string[]) => fc.constantFrom(...names);
  const nodes = name(["n1", "n2"]);
  // a session is always the same user's
  const some = fc.record({
    sid: name(SIDS),
    node: nodes,
    connectedAt: fc.integer({ min: 1, max: 3 }),
    lastActiveAt: fc.option(fc.integer({ min: 1, max: 99 })),
    saved: fc.option(
      fc.record({ pid: name(["p", "q"]), value: fc.option(name(["x", "y"]), { nil: undefined }) }),
      { nil: undefined },
    ),
  }).map(({ sid, ...rest }) => ({ sid, user: sid < "c" ? "ada" : "bob", ...rest }));
  const someEntry: fc.Arbitrary<SessionEntry> = fc.record({
    of: some,
    active: fc.boolean(),
    leaseMs: fc.integer({ min: 1, max: 50 }),
    maxOfUser: fc.option(fc.constant(1), { nil: undefined }),
  }).map(({ of: { sid, ...of }, ...rest }) => entry(sid, { ...of, ...rest }));
  const someLeave: fc.Arbitrary<LeaveEntry> = fc.record({
    of: some,
    graceMs: fc.constantFrom(0, 5, 30),
    forget: fc.boolean(),
  }).map(({ of: { sid, saved, ...of }, graceMs, forget }) =>
    leave(sid, { ...of, graceMs, ...(saved && { saved: { ...saved, forget } }) })
  );
  const node = fc.record({ name: nodes, leaseMs: fc.integer({ min: 0, max: 60 }) }).map(({ name, leaseMs }) =>
    writer(name, { leaseMs })
  );
  const step: fc.Arbitrary<Step> = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.tuple(
        node,
        fc.array(someLeave, { maxLength: 2 }),
        fc.array(someEntry, { maxLength: 3 }),
        fc.boolean(),
      ).map(([node, leaves, entries, silent]): Step => async (store) => {
        const { epoch: _, step: __, changes, ...rest } = await store.write(node, { leaves, entries, silent });
        return { ...rest, changes: changes.toSorted(byId) };
      }),
    },
    {
      weight: 2,
      arbitrary: fc.tuple(node, fc.subarray(["m", "n"])).map(([node, models]): Step => async (store) => {
        const { epoch: _, step: __, changes, gone, ...rest } = await store.tick(node, { limit: 100, models });
        return { ...rest, gone: sids(gone), changes: changes.toSorted(byId) };
      }),
    },
    fc.integer({ min: 1, max: 40 }).map((ms): Step => (_, clock) => Promise.resolve(clock.now += ms)),
    name(["p", "q"]).map((pid): Step => (store) => store.takeSaved(pid)),
  );
  const sees = async (store: RosterStore) => ({
    sids: sids(await Array.fromAsync(store.entries())),
    size: await store.size(),
    counts: await Promise.all(["ada", "bob"].map((user) => store.countOfUser(userId(user)))),
    records: await Promise.all(SIDS.map((sid) => store.get(sessionId(sid)))),
    saved: await Promise.all(["p", "q"].map((pid) => store.readSaved(pid))),
    recent: await store.recent({ limit: 10 }),
    presence: (await store.presence([userId("ada"), userId("bob")])).toSorted(byId),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (history) => {
      const shared = openRedis(redis), memory = await openMemory();
      for (const step of history) {
        assert.deepEqual(await step(shared.store, shared.clock), await step(memory.store, memory.clock));
        assert.deepEqual(await sees(shared.store), await sees(memory.store));
      }
    }),
    { numRuns: 200 },
  );
});

function byId(one: { id: string }, other: { id: string }): number {
  return one.id < other.id ? -1 : 1;
}
