import assert from "node:assert/strict";
import FakeTimers from "@sinonjs/fake-timers";
import { nodeId, sessionId, type UserId, userId } from "../../lib/protocol/ids.ts";
import { createMemoryPresenceStore } from "../../lib/presence/memory_store.ts";
import { createPresence, type PresenceService, TOUCH_INTERVAL_MS } from "../../lib/presence/service.ts";
import type { PresenceStore } from "../../lib/presence/store.ts";

const GRACE_MS = 5_000;
const ADA = { id: userId("ada"), name: "Ada" };
const S1 = sessionId("s1");
const S2 = sessionId("s2");

/** A store that counts calls and can be down or lose everything. */
class TestStore {
  calls: string[] = [];
  down = false;
  #inner: PresenceStore;

  constructor(inner: PresenceStore) {
    this.#inner = inner;
  }

  async lose(): Promise<void> {
    this.#inner = await createMemoryPresenceStore({ graceMs: GRACE_MS });
  }

  get store(): PresenceStore {
    return new Proxy({} as PresenceStore, {
      get: (_, method: keyof PresenceStore) => (...args: unknown[]) => {
        this.calls.push(method);
        if (this.down) return Promise.reject(new Error("the store is down"));
        return (this.#inner[method] as (...args: unknown[]) => unknown)(...args);
      },
    });
  }
}

interface Fixture {
  clock: ReturnType<typeof FakeTimers.install>;
  store: TestStore;
  presence: PresenceService;
  changes: string[];
  errors: unknown[];
}

function test(what: string, run: (fixture: Fixture) => Promise<void>): void {
  Deno.test(what, async () => {
    const clock = FakeTimers.install({ now: 1_000_000, toFake: ["Date", "setTimeout", "clearTimeout"] });
    try {
      const store = new TestStore(await createMemoryPresenceStore({ graceMs: GRACE_MS }));
      const errors: unknown[] = [];
      const presence = createPresence({
        store: store.store,
        nodeId: nodeId("node-1"),
        onError: (error) => errors.push(error),
      });
      const changes: string[] = [];
      presence.onChange(({ id, status }) => changes.push(`${id} ${status}`));
      await run({ clock, store, presence, changes, errors });
      await presence.close();
      assert.equal(clock.countTimers(), 0, "a timer is left");
    } finally {
      clock.uninstall();
    }
  });
}

test("PresenceService announces one online for many tabs and one offline after the grace", async (t) => {
  await t.presence.connect(S1, ADA);
  await t.presence.connect(S2, ADA);
  assert.equal(await t.presence.status(ADA.id), "online");
  t.presence.disconnect(S1);
  await t.clock.tickAsync(20_000);
  assert.deepEqual(t.changes, ["ada online"]);
  t.presence.disconnect(S2);
  await t.clock.tickAsync(GRACE_MS - 1);
  assert.deepEqual(t.changes, ["ada online"]);
  await t.clock.tickAsync(20);
  assert.deepEqual(t.changes, ["ada online", "ada offline"]);
});

test("PresenceService says nothing of a reload or a recovered session", async (t) => {
  await t.presence.connect(S1, ADA);
  t.presence.disconnect(S1);
  await t.clock.tickAsync(GRACE_MS - 100);
  await t.presence.connect(S2, ADA);
  t.presence.disconnect(S2);
  await t.clock.tickAsync(GRACE_MS - 100);
  await t.presence.connect(S2, ADA);
  await t.clock.tickAsync(60_000);
  assert.deepEqual(t.changes, ["ada online"]);
});

test("PresenceService keeps a session that comes back while its end is being written", async (t) => {
  await t.presence.connect(S1, ADA);
  t.presence.disconnect(S1);
  await t.presence.connect(S1, ADA);
  await t.clock.tickAsync(60_000);
  assert.deepEqual(t.changes, ["ada online"]);
  assert.equal(await t.presence.status(ADA.id), "online");
});

test("PresenceService turns heartbeats into away and online", async (t) => {
  await t.presence.connect(S1, ADA);
  t.presence.heartbeat(S1, false);
  t.presence.heartbeat(S1, true);
  t.presence.heartbeat(S1, false);
  await t.clock.tickAsync(10);
  assert.deepEqual(t.changes, ["ada online", "ada away"]);
  t.presence.heartbeat(S1, true);
  await t.clock.tickAsync(10);
  assert.deepEqual(t.changes.slice(2), ["ada online"]);
  t.presence.heartbeat(sessionId("unknown"), true);
});

test("heartbeat() goes to the store at transitions only, and the last activity once a minute", async (t) => {
  await t.presence.connect(S1, ADA);
  await t.clock.tickAsync(10);
  t.store.calls.length = 0;
  for (let beat = 0; beat < 12; beat++) {
    t.presence.heartbeat(S1, true);
    await t.clock.tickAsync(TOUCH_INTERVAL_MS / 6);
  }
  assert.deepEqual(t.store.calls.filter((call) => call !== "settle"), ["touch", "touch"]);
});

test("list() shows activity that is not written yet", async (t) => {
  await t.presence.connect(S1, ADA);
  await t.clock.tickAsync(30_000);
  t.presence.heartbeat(S1, true);
  const [ada] = await t.presence.list([ADA.id, userId("nobody")]);
  assert.deepEqual(ada, { ...ADA, status: "online", lastActiveAt: Date.now() });
  assert.deepEqual((await t.presence.list()).map(({ id }) => id), [ADA.id]);
});

test("list() reads once for many who ask, and never before they asked", async (t) => {
  await t.presence.connect(S1, ADA);
  const first = t.presence.list();
  await t.presence.connect(S2, { id: userId("bob"), name: "Bob" });
  const lists = await Promise.all([first, ...Array.from({ length: 50 }, () => t.presence.list())]);
  for (const list of lists.slice(1)) assert.equal(list.length, 2);
  assert(t.store.calls.filter((call) => call === "recent").length <= 3);
});

test("PresenceService tells a store that was down what it missed", async (t) => {
  await t.presence.connect(S1, ADA);
  t.store.down = true;
  t.presence.disconnect(S1);
  await t.presence.connect(S2, { id: userId("bob"), name: "Bob" });
  await t.clock.tickAsync(30_000);
  await t.presence.connect(sessionId("s3"), { id: userId("cyd"), name: "Cyd" });
  t.presence.disconnect(sessionId("s3"));
  assert.deepEqual(t.changes, ["ada online"]);
  assert.equal(t.errors.length, 1);
  await assert.rejects(t.presence.list());
  t.store.down = false;
  await t.clock.tickAsync(5_000 + GRACE_MS + 100);
  assert.deepEqual(t.changes, ["ada online", "bob online", "ada offline"]);
});

test("resync() gives a store that came back empty its sessions without a change", async (t) => {
  await t.presence.connect(S1, ADA);
  await t.presence.connect(S2, { id: userId("bob"), name: "Bob" });
  t.presence.heartbeat(S2, false);
  await t.clock.tickAsync(10);
  t.store.down = true;
  t.presence.disconnect(S1);
  await t.clock.tickAsync(10_000);
  await t.store.lose();
  t.store.down = false;
  await t.presence.resync();
  assert.deepEqual(t.changes, ["ada online", "bob online", "bob away"]);
  assert.equal(await t.presence.status(userId("bob")), "away");
  await t.clock.tickAsync(GRACE_MS + 100);
  assert.deepEqual(t.changes.slice(3), ["ada offline"]);
});

test("PresenceService notices by itself that the store lost everything", async (t) => {
  await t.presence.connect(S1, ADA);
  await t.clock.tickAsync(100);
  await t.store.lose();
  assert.equal(await t.presence.status(ADA.id), "offline");
  await t.clock.tickAsync(5_100);
  assert.equal(await t.presence.status(ADA.id), "online");
  assert.deepEqual(t.changes, ["ada online"]);
});

test("resync() brings back a session that another node took for dead", async (t) => {
  await t.presence.connect(S1, ADA);
  const other = createPresence({ store: t.store.store, nodeId: nodeId("node-2"), onError: () => {} });
  other.onChange(({ id, status }) => t.changes.push(`${id} ${status}`));
  await other.removeSessions([S1]);
  await t.presence.resync([S1, sessionId("unknown")]);
  assert.deepEqual(t.changes, ["ada online", "ada offline", "ada online"]);
  await other.close();
});

test("removeSessions() ends the sessions of a dead node at once, and no session that is open here", async (t) => {
  const other = createPresence({ store: t.store.store, nodeId: nodeId("node-2"), onError: () => {} });
  await other.connect(S2, { id: userId("bob"), name: "Bob" });
  await t.presence.connect(S1, ADA);
  await t.presence.removeSessions([S1, S2, sessionId("unknown")]);
  await t.presence.removeSessions([S1, S2]);
  assert.deepEqual(t.changes, ["ada online", "bob offline"]);
  await other.close();
});

test("onChange() survives a listener that throws, and ends", async (t) => {
  const heard: UserId[] = [];
  const end = t.presence.onChange(({ id }) => {
    heard.push(id);
    throw new Error("listener");
  });
  await t.presence.connect(S1, ADA);
  end();
  t.presence.heartbeat(S1, false);
  await t.clock.tickAsync(10);
  assert.deepEqual(heard, [ADA.id]);
  assert.deepEqual(t.changes, ["ada online", "ada away"]);
  assert.equal(t.errors.length, 1);
});
