/** What every session store does; the memory one and the shared one run the same suite. */
import assert from "node:assert/strict";
import { nodeId, sessionId, userId } from "../../lib/protocol/ids.ts";
import type { SessionRecord } from "../../lib/session/record.ts";
import type { SessionStore } from "../../lib/session/store.ts";
import { record, sids } from "./records.ts";

/** A clock that a test sets. */
export interface Clock {
  now: number;
}

/** A store of its own, and what is left in it when it should be empty. */
export interface StoreUnderTest {
  store: SessionStore;
  leftovers(): Promise<string[]>;
}

const CLAIM = { limit: 100, claimMs: 5000 };
const START = 1_700_000_000_000;

/** Registers the suite; `create` makes an empty store that reads `clock`. */
export async function sessionStoreContract(
  t: Deno.TestContext,
  create: (clock: Clock) => StoreUnderTest,
): Promise<void> {
  function test(name: string, fn: (store: SessionStore, clock: Clock) => Promise<void>): Promise<boolean> {
    return t.step(name, async () => {
      const clock = { now: START };
      const { store, leftovers } = create(clock);
      await fn(store, clock);
      // whatever a test leaves can be reaped, and then there is nothing at all
      clock.now += 1e9;
      while (true) {
        const claim = await store.claimExpired(CLAIM);
        if (claim.records.length === 0) break;
        await store.finish(claim);
      }
      assert.equal(await store.size(), 0);
      assert.deepEqual(await leftovers(), []);
    });
  }

  const put = (store: SessionStore, records: SessionRecord[], leaseMs = 1000) =>
    store.put(records.map((record) => ({ record, leaseUntil: START + leaseMs })));
  const claimed = async (store: SessionStore) => sids((await store.claimExpired(CLAIM)).records);

  await test("put() makes a session known by sid and by user", async (store) => {
    const a = record("a");
    assert.deepEqual(await put(store, [a, record("b", { user: "bob" })]), {
      added: ["a", "b"],
      refused: [],
      taken: [],
    });
    assert.deepEqual(await store.get(a.sid), a);
    assert.deepEqual(await store.ofUser(a.user.id), [a]);
    assert.equal(await store.countOfUser(a.user.id), 1);
    assert.equal(await store.size(), 2);
    assert.equal(await store.get(sessionId("c")), undefined);
    assert.deepEqual(await store.ofUser(userId("nobody")), []);
    assert.equal(await store.countOfUser(userId("nobody")), 0);
  });

  await test("put() again renews and updates", async (store, clock) => {
    await put(store, [record("a")]);
    const changed = record("a", { lastSeenAt: 2000, role: "admin" });
    assert.deepEqual(await put(store, [changed], 3000), { added: [], refused: [], taken: [] });
    assert.deepEqual(await store.get(changed.sid), changed);
    clock.now += 2000;
    assert.deepEqual(await claimed(store), []);
    clock.now += 1000;
    assert.deepEqual(await claimed(store), ["a"]);
  });

  await test("put() keeps odd names apart", async (store) => {
    const users = ["a:b", "{x}", "ä 😀", "a", "*"];
    await put(store, users.map((user) => record(`${user}/1`, { user })));
    for (const user of users) assert.deepEqual(sids(await store.ofUser(userId(user))), [`${user}/1`]);
  });

  await test("put() refuses a new session of a user at the limit, and no renewal", async (store) => {
    const entry = (sid: string) => ({ record: record(sid), leaseUntil: START + 1000, maxOfUser: 2 });
    assert.deepEqual((await store.put([entry("a"), entry("b"), entry("c")])).refused, ["c"]);
    assert.deepEqual((await store.put([entry("a")])).refused, []);
    assert.equal(await store.countOfUser(userId("ada")), 2);
    await store.remove([record("a")]);
    assert.deepEqual((await store.put([entry("c")])).refused, []);
  });

  await test("concurrent put() calls never exceed the limit", async (store) => {
    const results = await Promise.all(Array.from({ length: 20 }, (_, i) => {
      return store.put([{ record: record(`s${i}`), leaseUntil: START + 1000, maxOfUser: 5 }]);
    }));
    assert.equal(results.flatMap(({ refused }) => refused).length, 15);
    assert.equal(await store.countOfUser(userId("ada")), 5);
  });

  await test("remove() removes the session everywhere, and twice is as good as once", async (store) => {
    await put(store, [record("a"), record("b")]);
    await store.remove([record("a")]);
    await store.remove([record("a"), record("unknown")]);
    assert.equal(await store.get(sessionId("a")), undefined);
    assert.deepEqual(sids(await store.ofUser(userId("ada"))), ["b"]);
    assert.equal(await store.size(), 1);
  });

  await test("a session that another node took later stays with that node", async (store, clock) => {
    const old = record("a", { node: "n1", connectedAt: 1000 });
    const recovered = record("a", { node: "n2", connectedAt: 2000 });
    await put(store, [old]);
    await put(store, [recovered]);
    assert.deepEqual((await put(store, [old])).taken, ["a"]);
    await store.remove([old]);
    assert.deepEqual(await store.get(old.sid), recovered);
    assert.equal(await store.countOfUser(userId("ada")), 1);

    await store.renewNode(nodeId("n1"), START + 10);
    clock.now += 20;
    assert.deepEqual(await claimed(store), [], "the old node's death does not touch it");
  });

  await test("remove() of an earlier connection does not end the later one", async (store) => {
    await put(store, [record("a", { connectedAt: 2000 })]);
    await store.remove([record("a", { connectedAt: 1000 })]);
    assert.equal(await store.size(), 1);
  });

  await test("entries() gives all of many sessions", async (store) => {
    const records = Array.from({ length: 1500 }, (_, i) => record(`s${i}`, { user: `u${i % 7}` }));
    await put(store, records);
    assert.deepEqual(
      new Set((await Array.fromAsync(store.entries())).map(({ sid }) => sid)),
      new Set(records.map(({ sid }) => sid)),
    );
    assert.equal(await store.size(), 1500);
  });

  await test(
    "claimExpired() claims what is due and nothing else, at most the limit",
    async (store, clock) => {
      await put(store, [record("a"), record("b"), record("c")], 1000);
      await put(store, [record("d")], 1001);
      assert.deepEqual(await claimed(store), []);
      clock.now += 1000;
      const first = await store.claimExpired({ limit: 2, claimMs: 5000 });
      const second = await store.claimExpired({ limit: 2, claimMs: 5000 });
      assert.deepEqual([first.records.length, second.records.length], [2, 1]);
      assert.deepEqual(sids([...first.records, ...second.records]), ["a", "b", "c"]);
      await store.finish(first);
      await store.finish(second);
      assert.deepEqual(sids(await Array.fromAsync(store.entries())), ["d"]);
      assert.deepEqual(sids(await store.ofUser(userId("ada"))), ["d"]);
    },
  );

  await test("two reapers never hold the same session", async (store, clock) => {
    await put(store, Array.from({ length: 300 }, (_, i) => record(`s${i}`)));
    clock.now += 1000;
    const claims = await Promise.all(
      Array.from({ length: 6 }, () => store.claimExpired({ limit: 50, claimMs: 5000 })),
    );
    const all = claims.flatMap(({ records }) => sids(records));
    assert.equal(all.length, 300);
    assert.equal(new Set(all).size, 300);
  });

  await test(
    "what a dead reaper had claimed is claimed again, and its late finish() does nothing",
    async (store, clock) => {
      await put(store, [record("a")]);
      clock.now += 1000;
      const late = await store.claimExpired(CLAIM);
      clock.now += CLAIM.claimMs - 1;
      assert.deepEqual(await claimed(store), []);
      clock.now += 1;
      const next = await store.claimExpired(CLAIM);
      assert.deepEqual(sids(next.records), ["a"]);
      await store.finish(late);
      assert.equal(await store.size(), 1);
      await store.finish(next);
      assert.equal(await store.size(), 0);
    },
  );

  await test("a node that puts a claimed session has it back", async (store, clock) => {
    await put(store, [record("a"), record("b")]);
    clock.now += 1000;
    const claim = await store.claimExpired(CLAIM);
    assert.deepEqual((await put(store, [record("a")], 9000)).added, ["a"]);
    await store.finish(claim);
    assert.deepEqual(sids(await Array.fromAsync(store.entries())), ["a"]);
    assert.equal(await store.countOfUser(userId("ada")), 1);
  });

  await test(
    "the sessions of a dead node expire at once, in batches, and no others",
    async (store, clock) => {
      const [n1, n2] = [nodeId("n1"), nodeId("n2")];
      await store.renewNode(n1, START + 100);
      await store.renewNode(n2, START + 200);
      await put(store, Array.from({ length: 250 }, (_, i) => record(`x${i}`, { node: "n1" })), 90_000);
      await put(store, [record("y", { node: "n2" })], 90_000);
      assert.deepEqual(await claimed(store), []);
      clock.now += 100;
      let reaped = 0;
      for (let claim; (claim = await store.claimExpired(CLAIM)).records.length > 0;) {
        assert.ok(
          claim.records.length <= CLAIM.limit && claim.records.every(({ nodeId }) => nodeId === "n1"),
        );
        await store.finish(claim);
        reaped += claim.records.length;
      }
      assert.equal(reaped, 250);
      assert.deepEqual(sids(await Array.fromAsync(store.entries())), ["y"]);
    },
  );

  await test("renewNode() tells a node whether its lease was unbroken", async (store, clock) => {
    const node = nodeId("n1");
    assert.equal(await store.renewNode(node, START + 100), false);
    assert.equal(await store.renewNode(node, START + 200), true);
    clock.now += 200;
    assert.equal(await store.renewNode(node, START + 400), false);
    await put(store, [record("a")], 90_000);
    assert.deepEqual(await claimed(store), [], "a node that is back keeps its sessions");
  });

  await test(
    "a node that comes back while it is cleared away has its sessions back",
    async (store, clock) => {
      await store.renewNode(nodeId("n1"), START + 100);
      await put(store, [record("a"), record("b")], 90_000);
      clock.now += 100;
      const claim = await store.claimExpired({ limit: 1, claimMs: 5000 });
      assert.equal(await store.renewNode(nodeId("n1"), START + 1000), false);
      const { added } = await put(store, [record("a"), record("b")], 90_000);
      assert.ok(added.includes(claim.records[0]!.sid));
      await store.finish(claim);
      assert.equal(await store.size(), 2);
      assert.deepEqual(await claimed(store), []);
    },
  );

  await test("removeNode() leaves what the node left behind to the reaper", async (store) => {
    await store.renewNode(nodeId("n1"), START + 1000);
    await store.renewNode(nodeId("n2"), START + 1000);
    await put(store, [record("a", { node: "n1" })], 90_000);
    await store.removeNode(nodeId("n2"));
    assert.deepEqual(await claimed(store), []);
    await store.removeNode(nodeId("n1"));
    assert.deepEqual(await claimed(store), ["a"]);
  });
}
