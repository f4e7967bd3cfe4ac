/** What every RosterStore must do, run on each implementation: sessions and their leases. */
import assert from "node:assert/strict";
import type { Case } from "../support/contract.ts";
import { sessionId, userId } from "../../lib/protocol/ids.ts";
import type { RosterStore } from "../../lib/roster/store.ts";
import { end, entry, LEASE_MS, leave, put, record, sids, tick, writer } from "./records.ts";

/** A store under test, on a clock that the test moves, and what is left in it when it should be empty. */
export interface StoreFixture extends AsyncDisposable {
  store: RosterStore;
  clock: { now: number };
  leftovers(): Promise<string[]>;
}

/** When every test begins. */
export const START = 1_700_000_000_000;

/** The cases; each gets a store that is empty. */
export function sessionCases(): Case<StoreFixture>[] {
  const cases: Case<StoreFixture>[] = [];
  function test(name: string, run: (store: RosterStore, clock: { now: number }) => Promise<void>): void {
    cases.push({
      name,
      async run({ store, clock, leftovers }) {
        await run(store, clock);
        // whatever a test leaves can be reaped, and then there is nothing at all
        clock.now += 1e9;
        while ((await tick(store)).hasMore);
        assert.equal(await store.size(), 0);
        assert.deepEqual(await leftovers(), []);
      },
    });
  }

  const gone = async (store: RosterStore) => sids((await tick(store)).gone);
  const all = async (store: RosterStore) => sids(await Array.fromAsync(store.entries()));
  const isOpen = async (store: RosterStore, sid: string) => await store.get(sessionId(sid)) !== undefined;

  test("write() makes a session known by sid and by user", async (store) => {
    const { added, refused, taken } = await put(store, [entry("a"), entry("b", { user: "bob" })]);
    assert.deepEqual({ added, refused, taken }, { added: ["a", "b"], refused: [], taken: [] });
    assert.deepEqual(await store.get(sessionId("a")), record("a"));
    assert.equal(await store.countOfUser(userId("ada")), 1);
    assert.equal(await store.size(), 2);
    assert.equal(await store.get(sessionId("c")), undefined);
    assert.equal(await store.countOfUser(userId("nobody")), 0);
  });

  test("write() again renews and updates", async (store, clock) => {
    await put(store, [entry("a")]);
    const changed = entry("a", { lastSeenAt: 2000, role: "admin", leaseMs: 3000 });
    const { added, refused, taken } = await put(store, [changed]);
    assert.deepEqual([added, refused, taken], [[], [], []]);
    assert.deepEqual(await store.get(sessionId("a")), changed.record);
    clock.now += 2999;
    assert.deepEqual(await gone(store), []);
    clock.now += 1;
    assert.deepEqual(await gone(store), ["a"]);
  });

  test("write() keeps odd names apart", async (store) => {
    const users = ["a:b", "{x}", "ä 😀", "a", "*", "__proto__", '"quoted\\"'];
    await put(store, users.map((user) => entry(`${user}/1`, { user, node: user })));
    for (const user of users) {
      assert.equal(await store.countOfUser(userId(user)), 1);
      assert.deepEqual(await store.get(sessionId(`${user}/1`)), record(`${user}/1`, { user, node: user }));
    }
    await end(store, ...users.map((user) => leave(`${user}/1`, { user, node: user, graceMs: 0 })));
    assert.equal(await store.size(), 0);
  });

  test("write() refuses a new session of a user at the limit, and no renewal", async (store) => {
    const some = (...names: string[]) => names.map((sid) => entry(sid, { maxOfUser: 2 }));
    assert.deepEqual((await put(store, some("a", "b", "c"))).refused, ["c"]);
    assert.equal(await isOpen(store, "c"), false);
    assert.deepEqual((await put(store, some("a"))).refused, []);
    assert.equal(await store.countOfUser(userId("ada")), 2);
    // in the same step, though it still counts for presence
    const { refused, added } = await store.write(writer(), { leaves: [leave("a")], entries: some("c") });
    assert.deepEqual([refused, added], [[], ["c"]]);
    assert.deepEqual((await put(store, some("a"))).refused, ["a"]);
  });

  test("concurrent writes never exceed the limit", async (store) => {
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, i) => put(store, [entry(`s${i}`, { maxOfUser: 5 })])),
    );
    assert.equal(results.flatMap(({ refused }) => refused).length, 15);
    assert.equal(await store.countOfUser(userId("ada")), 5);
  });

  test("a session that ended is gone everywhere, and twice is as good as once", async (store) => {
    await put(store, [entry("a"), entry("b")]);
    await end(store, leave("a"));
    await end(store, leave("a"), leave("unknown"));
    assert.equal(await isOpen(store, "a"), false);
    assert.equal(await store.countOfUser(userId("ada")), 1);
    assert.equal(await store.size(), 1);
    assert.deepEqual(await all(store), ["b"]);
    assert.deepEqual((await put(store, [entry("a")])).added, ["a"]);
  });

  test("a session that another node took later stays with that node", async (store, clock) => {
    const old = { node: "n1", connectedAt: 1000 }, recovered = { node: "n2", connectedAt: 2000 };
    await store.write(writer("n1", { leaseMs: 10 }), { leaves: [], entries: [entry("a", old)] });
    assert.deepEqual((await put(store, [entry("a", recovered)])).added, []);
    assert.deepEqual((await put(store, [entry("a", old)])).taken, ["a"]);
    await end(store, leave("a", old));
    assert.deepEqual(await store.get(sessionId("a")), record("a", recovered));
    assert.equal(await store.countOfUser(userId("ada")), 1);
    clock.now += 20;
    assert.deepEqual(await gone(store), [], "the old node's death does not touch it");
    await end(store, leave("a", recovered));
    assert.deepEqual((await put(store, [entry("a", old)])).taken, ["a"], "nor does it come back from there");
  });

  test("the end of an earlier connection does not end the later one", async (store) => {
    await put(store, [entry("a", { connectedAt: 2000 })]);
    await end(store, leave("a", { connectedAt: 1000 }));
    assert.equal(await store.size(), 1);
  });

  test("entries() gives all of many sessions", async (store) => {
    const names = Array.from({ length: 1500 }, (_, i) => `s${i}`);
    await put(store, names.map((sid, i) => entry(sid, { user: `u${i % 7}` })));
    assert.deepEqual([...new Set(await all(store))], names.toSorted());
    assert.equal(await store.size(), 1500);
  });

  test("tick() reaps what is due and nothing else, at most the limit", async (store, clock) => {
    await put(store, [entry("a"), entry("b"), entry("c"), entry("d", { leaseMs: LEASE_MS + 1 })]);
    assert.deepEqual(await gone(store), []);
    clock.now += LEASE_MS;
    const first = await tick(store, { limit: 2 });
    const second = await tick(store, { limit: 2 });
    assert.deepEqual([first.gone.length, first.hasMore], [2, true]);
    assert.deepEqual([second.gone.length, second.hasMore], [1, false]);
    assert.deepEqual(sids([...first.gone, ...second.gone]), ["a", "b", "c"]);
    assert.deepEqual(first.gone[0], record(first.gone[0]!.sid));
    assert.deepEqual(await all(store), ["d"]);
    assert.equal(await store.countOfUser(userId("ada")), 1);
  });

  test("each session that ran out is handed to one of many who reap", async (store, clock) => {
    await put(store, Array.from({ length: 300 }, (_, i) => entry(`s${i}`)));
    clock.now += LEASE_MS;
    const ticks = await Promise.all(Array.from({ length: 6 }, () => tick(store, { limit: 50 })));
    const all = ticks.flatMap(({ gone }) => sids(gone));
    assert.equal(all.length, 300);
    assert.equal(new Set(all).size, 300);
    // what is reaped is gone in the same step: a reaper that dies after it leaves nothing half done
    assert.equal(await store.size(), 0);
    assert.equal(await store.countOfUser(userId("ada")), 0);
  });

  test("a node that writes what was reaped has it back", async (store, clock) => {
    await put(store, [entry("a"), entry("b")]);
    clock.now += LEASE_MS;
    assert.deepEqual(await gone(store), ["a", "b"]);
    assert.deepEqual((await put(store, [entry("a")])).added, ["a"]);
    assert.deepEqual(await all(store), ["a"]);
    assert.deepEqual(await gone(store), []);
  });

  test("the sessions of a dead node are gone at once, in slices, and no others", async (store, clock) => {
    await store.write(writer("n1", { leaseMs: 100 }), { leaves: [], entries: [] });
    await store.write(writer("n2", { leaseMs: 200 }), { leaves: [], entries: [] });
    await put(store, Array.from({ length: 250 }, (_, i) => entry(`x${i}`, { node: "n1", leaseMs: 90_000 })));
    await put(store, [entry("y", { node: "n2", leaseMs: 90_000 })]);
    assert.deepEqual(await gone(store), []);
    clock.now += 100;
    let reaped = 0;
    for (let hasMore = true; hasMore;) {
      const slice = await tick(store);
      assert.ok(slice.gone.length <= 100 && slice.gone.every(({ nodeId }) => nodeId === "n1"));
      reaped += slice.gone.length;
      hasMore = slice.hasMore;
    }
    assert.equal(reaped, 250);
    assert.deepEqual(await all(store), ["y"]);
  });

  test("every write tells a node whether its lease was unbroken", async (store, clock) => {
    const node = writer("n1", { leaseMs: 100 });
    const write = async () => (await store.write(node, { leaves: [], entries: [] })).isKnown;
    assert.equal(await write(), false);
    clock.now += 99;
    assert.equal((await store.tick(node, { limit: 1, models: [] })).isKnown, true);
    clock.now += 99;
    assert.equal(await write(), true);
    clock.now += 100;
    assert.equal(await write(), false);
    await put(store, [entry("a", { leaseMs: 90_000 })]);
    assert.deepEqual(await gone(store), [], "a node that is back keeps its sessions");
  });

  test("a node that comes back while it is cleared away has its sessions back", async (store, clock) => {
    const node = writer("n1", { leaseMs: 100 });
    const entries = [entry("a", { leaseMs: 90_000 }), entry("b", { leaseMs: 90_000 })];
    await store.write(node, { leaves: [], entries });
    clock.now += 100;
    const { gone: [first] } = await tick(store, { limit: 1 });
    const { isKnown, added } = await store.write(node, { leaves: [], entries });
    assert.deepEqual([isKnown, added], [false, [first!.sid]]);
    assert.deepEqual(await gone(store), []);
    assert.equal(await store.size(), 2);
  });

  test("a node that goes away leaves what it left behind to who reaps", async (store) => {
    await store.write(writer("n1"), { leaves: [], entries: [entry("a", { node: "n1", leaseMs: 90_000 })] });
    await store.write(writer("n2"), { leaves: [], entries: [] });
    await store.write(writer("n2", { leaseMs: 0 }), { leaves: [], entries: [] });
    assert.deepEqual(await gone(store), []);
    await store.write(writer("n1", { leaseMs: 0 }), { leaves: [], entries: [] });
    assert.deepEqual(await gone(store), ["a"]);
  });

  test("every write of whichever node has a higher number than those before it", async (store) => {
    const steps: number[] = [];
    for (const node of ["n1", "n2", "n1"]) {
      steps.push((await store.write(writer(node), { leaves: [], entries: [entry("a", { node })] })).step);
      steps.push((await store.tick(writer(node), { limit: 1, models: [] })).step);
    }
    assert.deepEqual(steps, [...new Set(steps)].toSorted((a, b) => a - b));
  });

  test("a write of a node that knows other contents does nothing but say so", async (store, clock) => {
    const { epoch } = await put(store, [entry("a")]);
    assert.equal((await tick(store)).epoch, epoch);
    const stranger = writer("n9", { epoch: "lost" });
    const written = await store.write(stranger, { leaves: [leave("a")], entries: [entry("b")] });
    const nothing = { step: 0, changes: [], added: [], refused: [], taken: [] };
    assert.deepEqual(written, { epoch, isKnown: false, ...nothing });
    clock.now += LEASE_MS;
    const ticked = await store.tick(stranger, { limit: 9, models: ["m"] });
    assert.equal(ticked.epoch, epoch);
    assert.deepEqual([ticked.gone, ticked.changes, ticked.usage.models], [[], [], []]);
    assert.deepEqual(await all(store), ["a"]);
    assert.equal((await store.write(writer("n9", { epoch }), { leaves: [], entries: [] })).isKnown, false);
  });

  return cases;
}
