import assert from "node:assert/strict";
import { createMemorySessionStore } from "../../lib/session/memory_store.ts";
import { createReaper, type Reaper, type ReaperOptions } from "../../lib/session/reaper.ts";
import type { SessionRecord } from "../../lib/session/record.ts";
import { testLog } from "../support/redis_log.ts";
import { type FaultStore, faultStore } from "./fault_store.ts";
import { record, sids } from "./records.ts";

const NEVER_MS = 1e9;

interface Fixture {
  clock: { now: number };
  store: FaultStore;
  reaper: Reaper;
}

/** A reaper that sweeps when a test says so, over a store with `count` expired sessions and one live one. */
async function withExpired(
  count: number,
  options: Partial<ReaperOptions>,
  fn: (fixture: Fixture) => Promise<void>,
) {
  const clock = { now: 1000 };
  const store = faultStore(createMemorySessionStore({ now: () => clock.now }));
  const expired = Array.from({ length: count }, (_, i) => ({ record: record(`s${i}`), leaseUntil: 2000 }));
  await store.put([...expired, { record: record("live"), leaseUntil: 1e9 }]);
  clock.now = 2000;
  await using reaper = createReaper({ store, log: testLog(), intervalMs: NEVER_MS, ...options });
  await fn({ clock, store, reaper });
}

Deno.test("sweep() clears away what expired, in batches, after all cleaners have run", async () => {
  const order: string[] = [];
  const cleaned: SessionRecord[] = [];
  const options: Partial<ReaperOptions> = {
    batchSize: 100,
    cleaners: {
      presence: (records) => Promise.resolve(void order.push(`presence ${records.length}`)),
      usage: (records) =>
        Promise.resolve(void (order.push(`usage ${records.length}`), cleaned.push(...records))),
    },
    onReaped: (records) => order.push(`reaped ${records.length}`),
  };
  await withExpired(150, options, async ({ store, reaper }) => {
    assert.equal(await reaper.sweep(), 150);
    assert.deepEqual(order, [
      "presence 100",
      "usage 100",
      "reaped 100",
      "presence 50",
      "usage 50",
      "reaped 50",
    ]);
    assert.equal(new Set(sids(cleaned)).size, 150);
    assert.deepEqual(sids(await Array.fromAsync(store.entries())), ["live"]);
    assert.equal(await reaper.sweep(), 0);
  });
});

Deno.test("a sweep touches what expired and never the rest", async () => {
  await withExpired(10, {}, async ({ store, reaper }) => {
    store.calls.length = 0;
    await reaper.sweep();
    assert.deepEqual(store.calls, ["claimExpired", "finish", "claimExpired"]);
  });
});

Deno.test("sessions whose cleaner failed stay and are tried again; the others are cleared away", async () => {
  let broken = true;
  const options: Partial<ReaperOptions> = {
    batchSize: 1,
    claimMs: 500,
    cleaners: {
      usage: (records) => {
        return broken && records[0]!.sid === "s1" ? Promise.reject(new Error("injected")) : Promise.resolve();
      },
    },
  };
  await withExpired(3, options, async ({ clock, store, reaper }) => {
    await assert.rejects(reaper.sweep(), AggregateError);
    assert.deepEqual(sids(await Array.fromAsync(store.entries())), ["live", "s1"]);
    broken = false;
    assert.equal(await reaper.sweep(), 0, "it is claimed for a while");
    clock.now += 500;
    assert.equal(await reaper.sweep(), 1);
  });
});

Deno.test("the reaper is still running after 20 errors", async () => {
  const { promise: reaped, resolve } = Promise.withResolvers<void>();
  let errors = 0;
  await withExpired(
    1,
    { intervalMs: 0, onReaped: () => resolve(), onError: () => errors++ },
    async ({ store, reaper }) => {
      store.isAway = true;
      while (errors < 20) await new Promise((resolve) => setTimeout(resolve));
      store.isAway = false;
      await reaped;
      assert.ok(reaper.loop.failures >= 20);
    },
  );
});

Deno.test("sweep() does nothing while another node has the lock", async () => {
  await withExpired(
    1,
    { lock: { tryAcquire: () => Promise.resolve(undefined) } },
    async ({ store, reaper }) => {
      assert.equal(await reaper.sweep(), 0);
      assert.equal(await store.size(), 2);
    },
  );
});

Deno.test("a sweep ends when its lock is lost, and gives the lock back", async () => {
  const lost = new AbortController();
  let released = 0;
  const held = {
    signal: lost.signal,
    [Symbol.asyncDispose]: () => Promise.resolve(void released++),
  };
  const options: Partial<ReaperOptions> = {
    batchSize: 1,
    lock: { tryAcquire: () => Promise.resolve(held) },
    onReaped: () => lost.abort(),
  };
  await withExpired(5, options, async ({ reaper }) => {
    assert.equal(await reaper.sweep(), 1);
    assert.equal(released, 1);
  });
});
