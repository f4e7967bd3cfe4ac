import assert from "node:assert/strict";
import FakeTimers from "@sinonjs/fake-timers";
import { ProtocolError } from "../../lib/protocol/codes.ts";
import { nodeId, sessionId, userId } from "../../lib/protocol/ids.ts";
import {
  createSessionDirectory,
  type SessionDirectory,
  type SessionDirectoryOptions,
} from "../../lib/session/directory.ts";
import { createMemorySessionStore } from "../../lib/session/memory_store.ts";
import type { SessionRecord } from "../../lib/session/record.ts";
import { type TestLog, testLog } from "../support/redis_log.ts";
import { type FaultStore, faultStore } from "./fault_store.ts";
import { record, sids } from "./records.ts";

const LEASE_MS = 90_000;

interface Fixture {
  clock: FakeTimers.Clock;
  store: FaultStore;
  directory: SessionDirectory;
  log: TestLog;
}

/** Runs `fn` on fake time with a directory of node `n1` over a store in memory. */
async function withDirectory(
  fn: (fixture: Fixture) => Promise<void>,
  options: Partial<SessionDirectoryOptions> = {},
): Promise<void> {
  const clock = FakeTimers.install({
    now: 1_700_000_000_000,
    toFake: ["setTimeout", "clearTimeout", "Date"],
  });
  try {
    const store = faultStore(createMemorySessionStore());
    const log = testLog();
    const directory = createSessionDirectory({
      store,
      nodeId: nodeId("n1"),
      log,
      leaseMs: LEASE_MS,
      ...options,
    });
    await fn({ clock, store, directory, log });
    const disposed = directory[Symbol.asyncDispose]();
    await clock.tickAsync(100);
    await disposed;
  } finally {
    clock.uninstall();
  }
}

function live(sid: string, parts: Parameters<typeof record>[1] = {}): SessionRecord {
  return record(sid, { connectedAt: Date.now(), ...parts });
}

async function stored(store: FaultStore): Promise<string[]> {
  return sids(await Array.fromAsync(store.entries()));
}

Deno.test("open() resolves when the store has the session", () =>
  withDirectory(async ({ directory, store }) => {
    const a = live("a");
    await directory.open(a);
    assert.deepEqual(await store.get(a.sid), a);
    assert.equal(directory.size, 1);
    assert.deepEqual(directory.get(a.sid), a);
    assert.deepEqual([...directory.records()], [a]);
  }));

Deno.test("many open() calls at once share writes", () =>
  withDirectory(async ({ directory, store }) => {
    await Promise.all(Array.from({ length: 300 }, (_, i) => directory.open(live(`s${i}`))));
    assert.equal(await store.size(), 300);
    assert.ok(store.puts.length <= 2, `${store.puts.length} writes`);
  }));

Deno.test("open() refuses a session beyond the user's limit and forgets it", () =>
  withDirectory(async ({ directory, clock }) => {
    await directory.open(live("a"), { maxOfUser: 1 });
    const refused = directory.open(live("b"), { maxOfUser: 1 });
    const rejected = assert.rejects(refused, (error) => {
      return error instanceof ProtocolError && error.code === "admission/too-many-sessions";
    });
    await clock.tickAsync(10);
    await rejected;
    assert.equal(directory.get(sessionId("b")), undefined);
    directory.close(sessionId("a"));
    const again = directory.open(live("c"), { maxOfUser: 1 });
    await clock.tickAsync(10);
    await again;
  }));

Deno.test("the heartbeats of one second are one write, and the newest counts", () =>
  withDirectory(async ({ directory, store, clock }) => {
    await Promise.all(Array.from({ length: 200 }, (_, i) => directory.open(live(`s${i}`))));
    await clock.tickAsync(1000);
    store.puts.length = 0;
    for (let i = 0; i < 200; i++) directory.touch(sessionId(`s${i}`));
    await clock.tickAsync(300);
    for (let i = 0; i < 200; i++) directory.touch(sessionId(`s${i}`));
    const lastSeenAt = Date.now();
    await clock.tickAsync(800);
    assert.deepEqual(store.puts.map((entries) => entries.length), [200]);
    assert.equal((await store.get(sessionId("s0")))!.lastSeenAt, lastSeenAt);
  }));

Deno.test("the node that holds a session never reads the store", () =>
  withDirectory(async ({ directory, store, clock }) => {
    await directory.open(live("a"));
    directory.touch(sessionId("a"));
    directory.update(sessionId("a"), { expiresAt: 5 });
    await clock.tickAsync(5000);
    directory.close(sessionId("a"));
    await clock.tickAsync(5000);
    assert.deepEqual([...new Set(store.calls)].sort(), ["put", "remove", "renewNode"]);
  }));

Deno.test("update() reaches the store and keeps the rest", () =>
  withDirectory(async ({ directory, store, clock }) => {
    const a = live("a");
    await directory.open(a);
    directory.update(a.sid, { user: { ...a.user, role: "admin" }, expiresAt: 99 });
    assert.equal(directory.get(a.sid)!.user.role, "admin");
    await clock.tickAsync(1000);
    assert.deepEqual(await store.get(a.sid), { ...a, user: { ...a.user, role: "admin" }, expiresAt: 99 });
    directory.update(sessionId("unknown"), { expiresAt: 1 });
    directory.touch(sessionId("unknown"));
    assert.equal(directory.size, 1);
  }));

Deno.test("close() removes the session from the store, also when it was just opened", () =>
  withDirectory(async ({ directory, store, clock }) => {
    await directory.open(live("a"));
    const opening = directory.open(live("b"));
    directory.close(sessionId("a"));
    directory.close(sessionId("b"));
    await clock.tickAsync(10);
    await opening;
    assert.equal(await store.size(), 0);
    assert.equal(directory.size, 0);
  }));

Deno.test("a session of a silent client lives as long as the node holds it", () =>
  withDirectory(async ({ directory, store, clock }) => {
    await directory.open(live("a"));
    for (let minute = 0; minute < 10; minute++) {
      await clock.tickAsync(60_000);
      assert.deepEqual((await store.claimExpired({ limit: 10, claimMs: 1 })).records, []);
    }
  }));

Deno.test("while the store is away nothing throws, and everything is written when it is back", () =>
  withDirectory(async ({ directory, store, clock, log }) => {
    const before = ["a", "b", "c"];
    await Promise.all(before.map((sid) => directory.open(live(sid))));
    store.isAway = true;
    directory.touch(sessionId("a"));
    directory.close(sessionId("b"));
    const late = directory.open(live("d"));
    await clock.tickAsync(2000);
    await late;
    await directory.open(live("e"), { maxOfUser: 1 });
    directory.close(sessionId("e"));
    // 20 attempts of the writer fail meanwhile
    await clock.tickAsync(20_000);
    store.isAway = false;
    await clock.tickAsync(2000);
    assert.deepEqual(await stored(store), ["a", "c", "d"]);
    assert.equal(log.lines.filter(({ level }) => level === "warn").length, 1, "an outage is one line");
    assert.equal(log.lines.filter(({ level }) => level === "error").length, 0);
  }));

Deno.test("while the store is away each new session costs no attempt", () =>
  withDirectory(async ({ directory, store, clock }) => {
    store.isAway = true;
    await clock.tickAsync(1000);
    const calls = store.calls.length;
    for (let i = 0; i < 1000; i++) await directory.open(live(`s${i}`));
    assert.equal(store.calls.length, calls);
  }));

Deno.test("what a reaper took from a node that was paused is written again and reported", () => {
  const restored: string[] = [];
  return withDirectory(async ({ directory, store, clock }) => {
    await directory.open(live("a"));
    await directory.open(live("b"));
    clock.setSystemTime(Date.now() + 10 * LEASE_MS);
    const claim = await store.claimExpired({ limit: 10, claimMs: 1000 });
    assert.equal(claim.records.length, 2);
    await store.finish(claim);
    await clock.tickAsync(1000);
    assert.deepEqual(await stored(store), ["a", "b"]);
    assert.deepEqual(restored.sort(), ["a", "b"]);
  }, { onRestored: (records) => restored.push(...sids(records)) });
});

Deno.test("a session that another node has taken is let go and reported", () => {
  const taken: string[] = [];
  return withDirectory(async ({ directory, store, clock }) => {
    await directory.open(live("a"));
    const recovered = live("a", { node: "n2", connectedAt: Date.now() + 5 });
    await store.put([{ record: recovered, leaseUntil: Date.now() + LEASE_MS }]);
    directory.touch(sessionId("a"));
    await clock.tickAsync(1000);
    assert.deepEqual(taken, ["a"]);
    assert.equal(directory.size, 0);
    assert.deepEqual(await store.get(sessionId("a")), recovered);
  }, { onTaken: ({ sid }) => taken.push(sid) });
});

Deno.test("the writer is still running after 20 errors of a hook", () => {
  let errors = 0;
  return withDirectory(async ({ directory, store, clock, log }) => {
    await directory.open(live("a"));
    for (let i = 0; i < 20; i++) {
      await store.remove([directory.get(sessionId("a"))!]);
      directory.touch(sessionId("a"));
      await clock.tickAsync(3000);
    }
    assert.equal(errors, 20);
    assert.equal(log.lines.filter(({ level }) => level === "error").length, 20);
    assert.deepEqual(await stored(store), ["a"]);
    assert.equal(await store.countOfUser(userId("ada")), 1);
  }, {
    onRestored: () => {
      errors++;
      throw new Error("injected");
    },
  });
});

Deno.test("a node that goes away leaves nothing behind", async () => {
  let left: FaultStore | undefined;
  await withDirectory(async ({ directory, store, clock }) => {
    left = store;
    await directory.open(live("a"));
    directory.close(sessionId("a"));
    await clock.tickAsync(1);
  });
  assert.equal(await left!.size(), 0);
  assert.equal(left!.calls.at(-2), "removeNode");
});
