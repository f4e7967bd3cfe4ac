// How users are, by the sessions that nodes hold.
import assert from "node:assert/strict";
import { type UserId, userId } from "../../lib/protocol/ids.ts";
import type { SessionRecord } from "../../lib/roster/record.ts";
import { GRACE_MS, LEASE_MS, sid, test } from "./roster_fixture.ts";

const ADA = userId("ada"), BOB = userId("bob");

test("many tabs are one online, and one offline after the grace", async ({ roster, live, clock, changes }) => {
  await roster.open(live("s1"));
  await roster.open(live("s2"));
  roster.close(sid("s1"));
  await clock.tickAsync(20_000);
  assert.deepEqual(changes, ["ada online"]);
  roster.close(sid("s2"));
  await clock.tickAsync(GRACE_MS - 1);
  assert.deepEqual(changes, ["ada online"]);
  await clock.tickAsync(20);
  assert.deepEqual(changes, ["ada online", "ada offline"]);
});

test("a grace shorter than a tick is as exact, and one of the caller's own", async ({ roster, live, clock, changes }) => {
  await roster.open(live("s1"));
  await roster.open(live("s2", { user: "bob" }));
  await clock.tickAsync(1);
  roster.close(sid("s1"), { graceMs: 300 });
  roster.close(sid("s2"), { graceMs: 3 * GRACE_MS });
  await clock.tickAsync(299);
  assert.deepEqual(changes.slice(2), []);
  await clock.tickAsync(20);
  assert.deepEqual(changes.slice(2), ["ada offline"]);
  await clock.tickAsync(3 * GRACE_MS - 400);
  assert.deepEqual(changes.slice(3), []);
  await clock.tickAsync(200);
  assert.deepEqual(changes.slice(3), ["bob offline"]);
});

test("nothing is said of a reload or a recovered session", async ({ roster, start, live, clock, changes }) => {
  const other = start("n2");
  await roster.open(live("s1"));
  roster.close(sid("s1"));
  await clock.tickAsync(GRACE_MS - 100);
  await roster.open(live("s2"));
  roster.close(sid("s2"));
  await clock.tickAsync(GRACE_MS - 100);
  await other.open(live("s2", { node: "n2" }));
  await clock.tickAsync(60_000);
  assert.deepEqual(changes, ["ada online"]);
});

test("a session that comes back while its end is being written stays", async ({ roster, live, clock, changes }) => {
  await roster.open(live("s1"));
  roster.close(sid("s1"));
  await roster.open(live("s1", { connectedAt: Date.now() + 1 }));
  await clock.tickAsync(1000);
  roster.close(sid("s1"));
  await Promise.resolve();
  await roster.open(live("s1", { connectedAt: Date.now() + 2 }));
  await clock.tickAsync(60_000);
  assert.deepEqual(changes, ["ada online"]);
  assert.equal((await roster.presence([ADA]))[0]!.status, "online");
});

test("a session that comes back is not ended by its end, whatever the store has lost meanwhile", async (t) => {
  const { roster, live, clock, store } = t;
  const isNow = async (record: SessionRecord): Promise<void> => {
    await clock.tickAsync(1000);
    await store.lose();
    await clock.tickAsync(60_000);
    store.latencyMs = 0;
    assert.deepEqual(t.changes, ["ada online"]);
    assert.deepEqual((await roster.get(record.sid))?.connectedAt, record.connectedAt);
  };
  await roster.open(live("s1"));
  // its end was written
  roster.close(sid("s1"));
  await clock.tickAsync(1000);
  const second = live("s1");
  await roster.open(second);
  await isNow(second);
  // its end is under way
  store.latencyMs = 20;
  roster.close(sid("s1"));
  await clock.tickAsync(30);
  const third = live("s1");
  const opened = roster.open(third);
  await clock.tickAsync(100);
  await opened;
  await isNow(third);
  // it was never written
  store.isAway = true;
  roster.close(sid("s1"));
  const fourth = live("s1");
  await roster.open(fourth);
  await store.lose();
  store.isAway = false;
  await isNow(fourth);
});

test("a session that ends, also while it is written, is gone", async ({ roster, live, clock, store, ...t }) => {
  await roster.open(live("s2", { user: "bob" }));
  roster.close(sid("s2"), { graceMs: 0 });
  store.latencyMs = 20;
  const opening = roster.open(live("s1"));
  await clock.tickAsync(30);
  roster.close(sid("s1"));
  await opening;
  await clock.tickAsync(100);
  await clock.tickAsync(GRACE_MS + 2 * LEASE_MS);
  assert.deepEqual(t.changes, ["bob online", "bob offline", "ada online", "ada offline"]);
  store.latencyMs = 0;
  assert.equal(await store.size(), 0);
  // nobody renews it either
  assert.deepEqual(t.log.lines, []);
});

test("heartbeats make a user away and online, at once", async ({ roster, live, clock, changes }) => {
  await roster.open(live("s1"));
  roster.alive(sid("s1"), false);
  roster.alive(sid("s1"), true);
  roster.alive(sid("s1"), false);
  await clock.tickAsync(1);
  assert.deepEqual(changes, ["ada online", "ada away"]);
  roster.alive(sid("s1"), true);
  await clock.tickAsync(1);
  assert.deepEqual(changes.slice(2), ["ada online"]);
});

test("a heartbeat goes to the store at once only where it changes something", async (t) => {
  await t.roster.open(t.live("s1"));
  await t.clock.tickAsync(10);
  t.store.calls.length = 0;
  for (let beat = 0; beat < 50; beat++) t.roster.alive(sid("s1"), true);
  await t.clock.tickAsync(500);
  assert.deepEqual(t.store.calls, []);
  t.roster.alive(sid("s1"), false);
  await t.clock.tickAsync(1);
  assert.deepEqual(t.store.calls, ["write"]);
});

test("activity is shown that is not written yet", async ({ roster, live, clock, store }) => {
  await roster.open(live("s1"));
  await clock.tickAsync(30_010);
  roster.alive(sid("s1"), true);
  const ada = { id: ADA, name: "ADA", status: "online", lastActiveAt: Date.now() };
  assert.deepEqual(await roster.presence([ADA, userId("nobody")]), [ada]);
  assert.deepEqual(await roster.recent({ limit: 10 }), { users: [ada], next: null, total: 1 });
  await clock.tickAsync(1000);
  assert.deepEqual(await store.presence([ADA]), [ada]);
});

test("a page is read once for many who ask, and never before they asked", async ({ roster, live, store, clock }) => {
  await roster.open(live("s1"));
  const first = roster.recent({ limit: 500 });
  await roster.open(live("s2", { user: "bob" }));
  const pages = await Promise.all([
    first,
    ...Array.from({ length: 50 }, () => roster.recent({ limit: 500 })),
  ]);
  for (const { users } of pages.slice(1)) assert.equal(users.length, 2);
  assert.ok(store.calls.filter((call) => call === "recent").length <= 3);
  store.latencyMs = 10;
  store.calls.length = 0;
  const asked: Promise<unknown>[] = [];
  for (let ask = 0; ask < 15; ask++) {
    asked.push(roster.recent({ limit: 500 }));
    await clock.tickAsync(1);
  }
  await clock.tickAsync(100);
  await Promise.all(asked);
  assert.ok(store.calls.filter((call) => call === "recent").length <= 2);
  store.latencyMs = 0;
  const { users: [one], next } = await roster.recent({ limit: 1 });
  const { users: [other] } = await roster.recent({ limit: 1, after: next! });
  assert.notEqual(one!.id, other!.id);
});

test("a store that was away is told what it missed, and what it missed is announced", async (t) => {
  await t.roster.open(t.live("s1"));
  t.store.isAway = true;
  t.roster.close(sid("s1"));
  await t.roster.open(t.live("s2", { user: "bob" }));
  await t.clock.tickAsync(30_000);
  await t.roster.open(t.live("s3", { user: "cyd" }));
  t.roster.close(sid("s3"));
  await t.roster.open(t.live("s4", { user: "dot" }));
  t.roster.alive(sid("s4"), false);
  assert.deepEqual(t.changes, ["ada online"]);
  t.store.isAway = false;
  await t.clock.tickAsync(1000);
  assert.deepEqual(t.changes.slice(1).toSorted(), ["bob online", "dot away"]);
  // who came and went meanwhile was never there; who left has a whole grace to come back to a node that heard of it
  await t.clock.tickAsync(GRACE_MS + 100);
  assert.deepEqual(t.changes.slice(3), ["ada offline"]);
});

test("a store that comes back empty gets everything back, and watchers see nothing of it", async (t) => {
  const other = t.start("n2");
  await t.roster.open(t.live("s1"));
  await t.roster.open(t.live("s2", { user: "bob" }));
  t.roster.alive(sid("s2"), false);
  await other.open(t.live("s3", { user: "bob", node: "n2" }));
  await other.open(t.live("s4", { user: "cyd", node: "n2" }));
  await t.clock.tickAsync(10);
  other.close(sid("s4"));
  await t.clock.tickAsync(10);
  const before = ["ada online", "bob online", "bob away", "bob online", "cyd online"];
  assert.deepEqual(t.changes.splice(0), before);
  t.store.isAway = true;
  t.roster.close(sid("s1"));
  await t.roster.open(t.live("s5", { user: "dot" }));
  await t.clock.tickAsync(3000);
  await t.store.lose();
  t.store.isAway = false;
  t.store.back();
  await t.clock.tickAsync(1100);
  // nothing but what happened while it was away
  assert.deepEqual(t.changes.splice(0), ["dot online"]);
  assert.deepEqual(await t.stored(), ["s2", "s3", "s5"]);
  assert.equal((await t.roster.presence([BOB]))[0]!.status, "online");
  // also those who had left before, in a grace that the store has lost
  await t.clock.tickAsync(GRACE_MS + 100);
  assert.deepEqual(t.changes.toSorted(), ["ada offline", "cyd offline"]);
});

test("a store that lost everything unseen is noticed with the tick, or with the first write", async (t) => {
  await t.roster.open(t.live("s1"));
  await t.roster.open(t.live("s2", { user: "bob" }));
  await t.clock.tickAsync(100);
  await t.store.lose();
  await t.roster.open(t.live("s3"));
  assert.deepEqual(await t.stored(), ["s1", "s2", "s3"]);
  await t.store.lose();
  await t.clock.tickAsync(1000);
  assert.deepEqual(await t.stored(), ["s1", "s2", "s3"]);
  t.roster.alive(sid("s2"), false);
  await t.store.lose();
  await t.clock.tickAsync(1);
  assert.deepEqual(t.changes, ["ada online", "bob online", "bob away"]);
});

test("a store that loses everything again while it is filled gets everything back", async (t) => {
  const opened = Promise.all(
    Array.from({ length: 500 }, (_, i) => t.roster.open(t.live(`s${i}`, { user: `u${i % 50}` }))),
  );
  await t.clock.tickAsync(20);
  await opened;
  t.changes.length = 0;
  await t.store.lose();
  t.store.back();
  await t.clock.nextAsync();
  await t.store.lose();
  t.store.isAway = true;
  await t.clock.tickAsync(500);
  t.store.isAway = false;
  await t.clock.tickAsync(2000);
  assert.equal((await t.stored()).length, 500);
  assert.deepEqual(t.changes, []);
});

test("a session that others took for dead is announced again", async ({ roster, start, live, clock, changes }) => {
  await roster.open(live("s1"));
  const other = start("n2");
  await clock.tickAsync(10);
  // no timer of its node ran for longer than its lease
  clock.setSystemTime(Date.now() + 2 * LEASE_MS);
  await other.sweep();
  assert.deepEqual(changes, ["ada online", "ada offline"]);
  await clock.tickAsync(1000);
  assert.deepEqual(changes.slice(2), ["ada online"]);
});

test("onChange() survives a listener that throws, and ends", async ({ roster, live, clock, changes, log }) => {
  const heard: UserId[] = [];
  const stop = roster.onChange((some) => {
    heard.push(...some.map(({ id }) => id));
    throw new Error("listener");
  });
  await roster.open(live("s1"));
  stop();
  roster.alive(sid("s1"), false);
  await clock.tickAsync(10);
  assert.deepEqual(heard, [ADA]);
  assert.deepEqual(changes, ["ada online", "ada away"]);
  assert.equal(log.lines.filter(({ level }) => level === "error").length, 1);
});
