// The sessions of a node, and how the store follows them.
import assert from "node:assert/strict";
import { ProtocolError } from "../../lib/protocol/codes.ts";
import { userId } from "../../lib/protocol/ids.ts";
import { end, entry, put, writer } from "./records.ts";
import { type Fixture, LEASE_MS, sid, test } from "./roster_fixture.ts";

const failsWith = (code: string) => (error: unknown) => error instanceof ProtocolError && error.code === code;

test("open() resolves when the store has the session", async ({ roster, store, live }) => {
  const a = live("a");
  await roster.open(a);
  assert.deepEqual(await store.get(a.sid), a);
  assert.deepEqual(await roster.get(a.sid), a);
  assert.equal(roster.size, 1);
  assert.equal(await roster.countOfUser(userId("ada")), 1);
});

test("many open() calls at once share writes, of a bounded size", async ({ roster, store, live, clock }) => {
  const opened = Promise.all(Array.from({ length: 450 }, (_, i) => roster.open(live(`s${i}`))));
  await clock.tickAsync(10);
  await opened;
  assert.deepEqual(store.batches.map(({ entries }) => entries.length), [200, 200, 50]);
  assert.equal(await store.size(), 450);
});

test("who opens a session waits for no other's renewal", async ({ roster, store, live, clock }) => {
  const opened = Promise.all(Array.from({ length: 1000 }, (_, i) => roster.open(live(`s${i}`))));
  await clock.tickAsync(20);
  await opened;
  store.batches.length = 0;
  store.back();
  await Promise.resolve();
  const late = roster.open(live("late"));
  for (let isOpen = false; !isOpen;) {
    isOpen = await Promise.race([late.then(() => true), clock.nextAsync().then(() => false)]);
  }
  assert.ok(store.batches.length <= 3, `${store.batches.length} writes`);
  await clock.tickAsync(20);
  assert.equal(store.batches.flatMap(({ entries }) => entries).length, 1001);
});

test("open() refuses a session beyond the user's limit and forgets it; after a leave it is taken at once", async (t) => {
  await t.roster.open(t.live("a"), { maxOfUser: 1 });
  await assert.rejects(
    t.roster.open(t.live("b"), { maxOfUser: 1 }),
    failsWith("admission/too-many-sessions"),
  );
  assert.equal(t.roster.size, 1);
  assert.deepEqual(await t.stored(), ["a"]);
  t.roster.close(sid("a"));
  await t.roster.open(t.live("c"), { maxOfUser: 1 });
  assert.deepEqual(t.changes, ["ada online"]);
});

test("the heartbeats of one second are one write, and the newest counts", async (t) => {
  const { roster, store, live, clock } = t;
  await Promise.all(Array.from({ length: 150 }, (_, i) => roster.open(live(`s${i}`))));
  await clock.tickAsync(1000);
  store.batches.length = 0;
  for (let i = 0; i < 150; i++) roster.alive(sid(`s${i}`), true);
  await clock.tickAsync(300);
  for (let i = 0; i < 150; i++) roster.alive(sid(`s${i}`), true);
  const lastSeenAt = Date.now();
  await clock.tickAsync(800);
  assert.deepEqual(store.batches.map(({ entries }) => entries.length), [150]);
  assert.equal((await store.get(sid("s0")))!.lastSeenAt, lastSeenAt);
  assert.equal((await store.presence([userId("ada")]))[0]!.lastActiveAt, lastSeenAt);
});

test("the node that holds a session never reads the store", async ({ roster, store, live, clock }) => {
  await roster.open(live("a"));
  roster.alive(sid("a"), true);
  roster.update(sid("a"), { expiresAt: 5 });
  roster.use(sid("a"), "m");
  await clock.tickAsync(5000);
  roster.close(sid("a"));
  await clock.tickAsync(10_000);
  assert.deepEqual([...new Set(store.calls)].sort(), ["tick", "write"]);
});

test("a node without anything to say calls the store once a second", async ({ roster, store, live, clock }) => {
  await roster.open(live("a"));
  await roster.open(live("b"));
  roster.close(sid("b"));
  await clock.tickAsync(10_000);
  store.calls.length = 0;
  await clock.tickAsync(30_000);
  assert.deepEqual(store.calls, Array.from({ length: 30 }, () => "tick"));
});

test("update() reaches the store and keeps the rest", async ({ roster, store, live, clock }) => {
  const a = live("a");
  await roster.open(a);
  roster.update(a.sid, { user: { ...a.user, role: "admin" }, expiresAt: 99 });
  await clock.tickAsync(1000);
  assert.deepEqual(await store.get(a.sid), { ...a, user: { ...a.user, role: "admin" }, expiresAt: 99 });
  roster.update(sid("unknown"), { expiresAt: 1 });
  roster.alive(sid("unknown"), true);
  roster.save(sid("unknown"), "x", { now: true });
  roster.close(sid("unknown"));
  assert.equal(roster.size, 1);
});

test("close() removes the session from the store, also when it was just opened", async (t) => {
  await t.roster.open(t.live("a"));
  const opening = t.roster.open(t.live("b"));
  t.roster.close(sid("a"));
  t.roster.close(sid("b"));
  await opening;
  await t.clock.tickAsync(1);
  assert.equal(await t.store.size(), 0);
  assert.equal(t.roster.size, 0);
});

test("a session of a silent client lives as long as the node holds it", async ({ roster, live, clock, gone }) => {
  await roster.open(live("a"));
  for (let minute = 0; minute < 10; minute++) {
    await clock.tickAsync(60_000);
    assert.ok(await roster.get(sid("a")));
  }
  assert.deepEqual(gone, []);
});

test("while the store is away nothing throws, and everything is written when it is back", async (t) => {
  const { roster, store, live, clock, log } = t;
  await Promise.all(["a", "b", "c"].map((sid) => roster.open(live(sid))));
  store.isAway = true;
  roster.alive(sid("a"), false);
  roster.close(sid("b"));
  const late = roster.open(live("d", { user: "bob" }));
  await clock.tickAsync(2000);
  await late;
  await roster.open(live("e"), { maxOfUser: 1 });
  roster.close(sid("e"));
  // 20 attempts of the writer fail meanwhile
  await clock.tickAsync(20_000);
  assert.deepEqual(t.changes, ["ada online"]);
  store.isAway = false;
  await clock.tickAsync(2000);
  assert.deepEqual(await t.stored(), ["a", "c", "d"]);
  assert.deepEqual(t.changes, ["ada online", "bob online"]);
  assert.equal(log.lines.filter(({ level }) => level === "warn").length, 1, "an outage is one line");
  assert.equal(log.lines.filter(({ level }) => level === "error").length, 0);
});

test("while the store is away each new session costs no attempt", async ({ roster, store, live, clock }) => {
  store.isAway = true;
  await clock.tickAsync(1000);
  const calls = store.calls.length;
  for (let i = 0; i < 1000; i++) await roster.open(live(`s${i}`));
  assert.equal(store.calls.length, calls);
});

test("reads reject while the store is away", async ({ roster, store }) => {
  store.isAway = true;
  await assert.rejects(roster.get(sid("a")), failsWith("server/unavailable"));
  await assert.rejects(roster.recent({ limit: 1 }), failsWith("server/unavailable"));
  await assert.rejects(roster.takeSaved("p"), failsWith("server/unavailable"));
  await assert.rejects(roster.sweep(), failsWith("server/unavailable"));
});

for (const isNoticed of [true, false]) {
  const how = isNoticed ? "when it says that it is back" : "when it can be reached again";
  test(`what was written just before the store went away is written again ${how}`, async (t) => {
    const record = t.live("a");
    await t.roster.open(record);
    await t.clock.tickAsync(500);
    t.store.isAway = !isNoticed;
    await t.clock.tickAsync(1000);
    t.store.isAway = false;
    // a failover that lost the last write
    await end(t.store, { record, graceMs: 0, lastActiveAt: null });
    assert.deepEqual(await t.stored(), []);
    if (isNoticed) t.store.back();
    await t.clock.tickAsync(isNoticed ? 1 : 1000);
    assert.deepEqual(await t.stored(), ["a"]);
  });
}

test("what could not be written goes with the next tick", async ({ roster, store, live, clock }) => {
  await roster.open(live("a"));
  await clock.tickAsync(500);
  roster.update(sid("a"), { expiresAt: 7 });
  store.isAway = true;
  await assert.rejects(roster.flush(), failsWith("server/unavailable"));
  store.isAway = false;
  await clock.tickAsync(1000);
  assert.equal((await roster.get(sid("a")))!.expiresAt, 7);
});

test("what was reaped of a node that was paused is written again, and told", async (t) => {
  await t.roster.open(t.live("a"));
  await t.roster.open(t.live("b", { user: "bob" }));
  t.clock.setSystemTime(Date.now() + 10 * LEASE_MS);
  const { gone, changes } = await t.store.tick(writer(), { limit: 10, models: [] });
  assert.equal(gone.length, 2);
  assert.deepEqual(changes.map(({ status }) => status), ["offline", "offline"]);
  await t.clock.tickAsync(1000);
  assert.deepEqual(await t.stored(), ["a", "b"]);
  assert.deepEqual(t.changes, ["ada online", "bob online", "ada online", "bob online"]);
});

test("a node that was silent for longer than its lease writes everything again", async (t) => {
  await t.roster.open(t.live("a"));
  const other = t.start("n2");
  await t.clock.tickAsync(10);
  // shorter than a session's lease
  t.clock.setSystemTime(Date.now() + 20_000);
  await other.sweep();
  assert.deepEqual([t.gone, await t.stored()], [["expired a"], []]);
  await t.clock.tickAsync(1000);
  assert.deepEqual(await t.stored(), ["a"]);
  assert.deepEqual(t.changes, ["ada online", "ada offline", "ada online"]);
});

test("a process that slept reaps nothing of its own", async ({ roster, clock, live, changes, gone }) => {
  await roster.open(live("a"));
  await clock.tickAsync(10);
  clock.setSystemTime(Date.now() + 10 * LEASE_MS);
  await clock.tickAsync(3000);
  assert.deepEqual([changes, gone], [["ada online"], []]);
});

test("a session that another node has taken is let go and reported", async (t) => {
  await t.roster.open(t.live("a"), { saved: { pid: "p", value: "old" } });
  const recovered = { node: "n2", connectedAt: Date.now() + 5, saved: { pid: "p", value: "new" } };
  await put(t.store, [entry("a", { ...recovered, leaseMs: LEASE_MS })]);
  t.roster.alive(sid("a"), true);
  t.roster.save(sid("a"), "older");
  await t.clock.tickAsync(1000);
  assert.deepEqual(t.gone, ["taken a"]);
  assert.equal(t.roster.size, 0);
  assert.equal((await t.store.get(sid("a")))!.nodeId, "n2");
  t.roster.close(sid("a"), { forget: true });
  await t.clock.tickAsync(1000);
  assert.equal(await t.roster.readSaved("p"), "new");
});

test("open() of a session that another node has taken later asks for another try", async (t) => {
  await put(t.store, [entry("a", { node: "n2", connectedAt: Date.now() + 5, leaseMs: LEASE_MS })]);
  await assert.rejects(t.roster.open(t.live("a")), failsWith("server/unavailable"));
  assert.deepEqual([t.roster.size, t.gone], [0, []]);
});

test("the roster is still running after 20 errors of a listener", async ({ roster, live, clock, log, changes }) => {
  roster.onChange(() => {
    throw new Error("injected");
  });
  await roster.open(live("a"));
  for (let i = 1; i < 20; i++) roster.alive(sid("a"), i % 2 === 0), await clock.tickAsync(10);
  assert.equal(log.lines.filter(({ level }) => level === "error").length, 20);
  assert.equal(changes.length, 20);
});

let failures = 0;
test(
  "the roster is still running after 20 errors of the store, and counts them",
  async ({ roster, live, clock, log, store, stored }) => {
    store.isAway = true;
    await clock.tickAsync(20_000);
    store.isAway = false;
    await clock.tickAsync(1000);
    await roster.open(live("a"));
    assert.deepEqual(await stored(), ["a"]);
    assert.equal(log.lines.filter(({ level }) => level === "error").length, 0);
    assert.ok(failures >= 20);
  },
  { onError: () => failures++ },
);

test("a node that goes away leaves nothing behind", async ({ start, live, clock, store, roster: _ }) => {
  const leaving = start("n2");
  await leaving.open(live("a", { node: "n2" }));
  leaving.close(sid("a"));
  const disposed = leaving[Symbol.asyncDispose]();
  await clock.tickAsync(1);
  await disposed;
  assert.equal(await store.size(), 0);
  assert.equal((await store.write(writer("n2"), { leaves: [], entries: [] })).isKnown, false);
});

async function dies({ store, start, live, clock }: Fixture, count: number): Promise<void> {
  const dying = start("n2");
  const opened = Promise.all(
    Array.from({ length: count }, (_, i) => dying.open(live(`x${i}`, { node: "n2", user: `u${i}` }))),
  );
  await clock.tickAsync(20);
  await opened;
  const died = Promise.withResolvers<void>();
  store.isAway = true;
  void dying[Symbol.asyncDispose]().then(died.resolve);
  await clock.tickAsync(1);
  await died.promise;
  store.isAway = false;
}

test("a node reaps the sessions of one that died, in slices, each reported and its user told of once", async (t) => {
  const slices: number[] = [];
  t.roster.onGone((records) => slices.push(records.length));
  await t.roster.open(t.live("mine"));
  await dies(t, 250);
  t.changes.length = 0;
  t.store.calls.length = 0;
  await t.clock.tickAsync(17_000);
  assert.deepEqual(slices, [100, 100, 50]);
  assert.equal(new Set(t.gone).size, 250);
  assert.deepEqual([...new Set(t.changes)].length, 250);
  assert.ok(t.changes.every((change) => change.endsWith("offline")));
  assert.equal(t.changes.length, 250);
  assert.deepEqual(await t.stored(), ["mine"]);
  // what expired is touched, and never the rest
  assert.equal(t.store.calls.filter((call) => call === "tick").length, 17 + 2);
});

test("what is saved follows with the tick, or at once", async ({ roster, live, clock, store }) => {
  await roster.open(live("a"), { saved: { pid: "p", value: "one" } });
  assert.equal(await roster.readSaved("p"), "one");
  store.batches.length = 0;
  roster.save(sid("a"), "two");
  await clock.tickAsync(1);
  assert.equal(await roster.readSaved("p"), "one");
  await clock.tickAsync(1000);
  assert.equal(await roster.readSaved("p"), "two");
  roster.save(sid("a"), "three", { now: true });
  await roster.flush();
  assert.equal(await roster.readSaved("p"), "three");
  roster.alive(sid("a"), true);
  await clock.tickAsync(1000);
  const values = store.batches.flatMap(({ entries }) => entries.map(({ saved }) => saved?.value));
  assert.deepEqual(values, ["two", "three", undefined], "a value is written once");
});

test("what is saved outlives close(), the last value, unless it is to be forgotten", async ({ roster, live, clock }) => {
  await roster.open(live("a"), { saved: { pid: "p", value: "one" } });
  await roster.open(live("b"), { saved: { pid: "q", value: "one" } });
  roster.save(sid("a"), "last");
  roster.save(sid("b"), "last");
  roster.close(sid("a"));
  roster.close(sid("b"), { forget: true });
  await roster.flush();
  assert.equal(await roster.readSaved("p"), "last");
  assert.equal(await roster.readSaved("q"), undefined);
  await clock.tickAsync(60_000);
  assert.equal(await roster.takeSaved("p"), "last");
  assert.equal(await roster.takeSaved("p"), undefined);
});

test("what is saved lives as long as its session, and is written again where it was lost", async (t) => {
  await t.roster.open(t.live("a"), { saved: { pid: "p", value: "one" } });
  await t.clock.tickAsync(1_000_000);
  assert.equal(await t.roster.readSaved("p"), "one");
  await t.store.lose();
  assert.equal(await t.roster.readSaved("p"), undefined);
  await t.clock.tickAsync(1000);
  assert.equal(await t.roster.readSaved("p"), "one");
});

test("page() lists the fleet's sessions", async ({ roster, live }) => {
  await Promise.all(["b", "a", "c"].map((sid) => roster.open(live(sid))));
  const { sessions, next, total } = await roster.page({ limit: 2 });
  assert.deepEqual([sessions.map(({ sid }) => sid), next, total], [["a", "b"], "b", 3]);
});
