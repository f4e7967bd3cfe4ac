import assert from "node:assert/strict";
import FakeTimers from "@sinonjs/fake-timers";
import { nodeId, sessionId } from "../../lib/protocol/ids.ts";
import { createMemoryUsageStore } from "../../lib/usage/memory_store.ts";
import { createUsagePool, MAX_MODELS_OF_SESSION } from "../../lib/usage/pool.ts";
import { createUsage, type UsageService } from "../../lib/usage/service.ts";
import type { UsageStore } from "../../lib/usage/store.ts";
import { runCases } from "../support/contract.ts";
import { usageStoreContract } from "./store_contract.ts";

const S1 = sessionId("s1");
const S2 = sessionId("s2");

Deno.test("MemoryUsageStore is a usage store", async (t) => {
  await runCases(t, usageStoreContract(), () => {
    let now = 10_000;
    return Promise.resolve({
      store: createMemoryUsageStore(() => now),
      advance: (ms) => now += ms,
      [Symbol.asyncDispose]: () => Promise.resolve(),
    });
  });
});

Deno.test("UsagePool counts a model until its last session's use runs out", () => {
  const pool = createUsagePool();
  assert.equal(pool.use(S1, "a", { now: 0 }), true);
  assert.equal(pool.use(S2, "a", { now: 1_000 }), false);
  assert.equal(pool.use(S1, "a", { now: 2_000 }), false);
  assert.deepEqual(pool.models(4_999), ["a"]);
  assert.deepEqual(pool.models(5_000), []);
});

Deno.test("UsagePool ends all use of a session", () => {
  const pool = createUsagePool();
  pool.use(S1, "a", { now: 0 });
  pool.use(S1, "b", { now: 0 });
  pool.use(S2, "b", { now: 0 });
  assert.equal(pool.end(S1), true);
  assert.deepEqual(pool.models(0), ["b"]);
  assert.equal(pool.end(S1), false);
});

Deno.test("UsagePool bounds the models of one session", () => {
  const pool = createUsagePool();
  for (let model = 0; model < 100; model++) pool.use(S1, `m${model}`, { now: 0 });
  assert.equal(pool.models(0).length, MAX_MODELS_OF_SESSION);
});

interface Fixture {
  clock: ReturnType<typeof FakeTimers.install>;
  open(node: string, store?: UsageStore): UsageService;
  heard: [number, string[]][];
  errors: unknown[];
}

function test(what: string, run: (fixture: Fixture) => Promise<void>): void {
  Deno.test(what, async () => {
    const clock = FakeTimers.install({ now: 0, toFake: ["Date", "setTimeout", "clearTimeout"] });
    const shared = createMemoryUsageStore();
    const services: UsageService[] = [];
    const heard: [number, string[]][] = [];
    const errors: unknown[] = [];
    try {
      await run({
        clock,
        heard,
        errors,
        open(node, store = shared) {
          const onError = (error: unknown): void => void errors.push(error);
          const usage = createUsage({ store, nodeId: nodeId(node), onError });
          usage.onChange((models) => heard.push([Date.now(), models]));
          services.push(usage);
          return usage;
        },
      });
      await Promise.all(services.map((usage) => usage.close()));
      assert.equal(clock.countTimers(), 0, "a timer is left");
    } finally {
      clock.uninstall();
    }
  });
}

test("UsageService announces a model when its use begins and ends", async ({ clock, open, heard }) => {
  const usage = open("n1");
  usage.use(S1, "a");
  await clock.tickAsync(10);
  assert.deepEqual(heard, [[0, ["a"]]]);
  for (let second = 0; second < 5; second++) {
    await clock.tickAsync(1_000);
    usage.use(S1, "a");
  }
  assert.equal(heard.length, 1);
  assert.deepEqual(usage.models(), ["a"]);
  await clock.tickAsync(10_000);
  assert.deepEqual(heard.slice(1).map(([, models]) => models), [[]]);
});

test("UsageService announces at most once a second, whatever sessions do", async ({ clock, open, heard }) => {
  const usages = [open("n1"), open("n2"), open("n3")];
  for (let step = 0; step < 200; step++) {
    usages[step % 3]?.use(sessionId(`s${step % 7}`), `m${step % 13}`);
    await clock.tickAsync(50);
  }
  await clock.tickAsync(10_000);
  for (const [index, [at]] of heard.entries()) {
    assert(index === 0 || at - (heard[index - 1]?.[0] ?? 0) >= 1_000, "two announcements in one second");
  }
  assert.deepEqual(heard.at(-1)?.[1], []);
});

test("UsageService ends a session's use at once", async ({ clock, open, heard }) => {
  const usage = open("n1");
  usage.use(S1, "a");
  await clock.tickAsync(1_500);
  usage.end(S1);
  await clock.tickAsync(1_000);
  assert.deepEqual(heard.map(([, models]) => models), [["a"], []]);
});

test("UsageService ends the use of a node that died", async ({ clock, open, heard }) => {
  const [dying, living] = [open("n1"), open("n2")];
  dying.use(S1, "a");
  await clock.tickAsync(10);
  await dying.close();
  await clock.tickAsync(10_000);
  assert.deepEqual(heard.map(([, models]) => models), [["a"], []]);
  assert.deepEqual(living.models(), []);
});

test("UsageService says again what a store that was down missed", async ({ clock, open, heard, errors }) => {
  const store = createMemoryUsageStore();
  let down = true;
  const usage = open("n1", {
    report: (...args) => down ? Promise.reject(new Error("down")) : store.report(...args),
  });
  usage.use(S1, "a");
  await clock.tickAsync(1_500);
  down = false;
  await clock.tickAsync(1_000);
  assert.deepEqual(heard.map(([, models]) => models), [["a"]]);
  assert.equal(errors.length, 1);
});
