// Which models are used, and what is announced of it.
import assert from "node:assert/strict";
import { MAX_MODELS_OF_SESSION, UsagePool } from "../../lib/roster/usage.ts";
import { sid, test } from "./roster_fixture.ts";

const S1 = sid("s1"), S2 = sid("s2");

Deno.test("UsagePool counts a model until its last session's use runs out", () => {
  const pool = new UsagePool();
  assert.equal(pool.use(S1, "a", { now: 0 }), true);
  assert.equal(pool.use(S2, "a", { now: 1_000 }), false);
  assert.equal(pool.use(S1, "a", { now: 2_000 }), false);
  assert.deepEqual(pool.models(4_999), ["a"]);
  assert.deepEqual(pool.models(5_000), []);
});

Deno.test("UsagePool ends all use of a session", () => {
  const pool = new UsagePool();
  pool.use(S1, "a", { now: 0 });
  pool.use(S1, "b", { now: 0 });
  pool.use(S2, "b", { now: 0 });
  assert.equal(pool.end(S1), true);
  assert.deepEqual(pool.models(0), ["b"]);
  assert.equal(pool.end(S1), false);
});

Deno.test("UsagePool bounds the models of one session", () => {
  const pool = new UsagePool();
  for (let model = 0; model < 100; model++) pool.use(S1, `m${model}`, { now: 0 });
  assert.equal(pool.models(0).length, MAX_MODELS_OF_SESSION);
});

test("a model is announced when its use begins and ends", async ({ roster, clock, usage }) => {
  await clock.tickAsync(300);
  const from = Date.now();
  roster.use(S1, "a");
  await clock.tickAsync(20);
  assert.deepEqual(usage.map(([at, models]) => [at - from <= 20, models]), [[true, ["a"]]]);
  for (let second = 0; second < 5; second++) {
    await clock.tickAsync(1_000);
    roster.use(S1, "a");
  }
  assert.equal(usage.length, 1);
  await clock.tickAsync(10_000);
  assert.deepEqual(usage.slice(1).map(([, models]) => models), [[]]);
});

test("use is announced at most once a second, whatever sessions do", async ({ roster, start, clock, usage, store }) => {
  const rosters = [roster, start("n2"), start("n3")];
  for (let step = 0; step < 200; step++) {
    rosters[step % 3]?.use(sid(`s${step % 7}`), `m${step % 13}`);
    await clock.tickAsync(50);
  }
  await clock.tickAsync(10_000);
  for (const [index, [at]] of usage.entries()) {
    assert(index === 0 || at - (usage[index - 1]?.[0] ?? 0) >= 1_000, "two announcements in one second");
  }
  assert.deepEqual(usage.at(-1)?.[1], []);
  // 20 seconds, of which each node reports once more in those in which it was used
  assert.ok(store.calls.length <= 3 * (20 + 12), `${store.calls.length} calls`);
});

test("a session's use ends with it", async ({ roster, live, clock, usage }) => {
  await roster.open(live("s1"));
  roster.use(S1, "a");
  await clock.tickAsync(1_500);
  roster.close(S1);
  await clock.tickAsync(1_000);
  assert.deepEqual(usage.map(([, models]) => models), [["a"], []]);
});

test("the use of a node that died ends", async ({ roster, start, clock, usage, store }) => {
  const dying = start("n2");
  dying.use(S1, "a");
  await clock.tickAsync(20);
  store.isAway = true;
  const died = dying[Symbol.asyncDispose]();
  await clock.tickAsync(20);
  await died;
  store.isAway = false;
  await clock.tickAsync(10_000);
  assert.deepEqual(usage.map(([, models]) => models), [["a"], []]);
  assert.equal(roster.size, 0);
});

test("a store that was away is told which models are used", async ({ roster, clock, usage, store, log }) => {
  store.isAway = true;
  await clock.tickAsync(100);
  roster.use(S1, "a");
  await clock.tickAsync(1_500);
  store.isAway = false;
  await clock.tickAsync(1_000);
  assert.deepEqual(usage.map(([, models]) => models), [["a"]]);
  assert.equal(log.lines.filter(({ level }) => level === "warn").length, 1);
});
