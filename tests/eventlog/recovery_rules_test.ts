/** From where on a session misses events, and which: the rules, and a process that stands alone by them. */
import assert from "node:assert/strict";
import FakeTimers from "@sinonjs/fake-timers";
import { Server } from "socket.io";
import { createMemoryAdapter } from "../../lib/eventlog/memory_adapter.ts";
import { isFor, missedSince, type RecoverableSession, roomsOf } from "../../lib/eventlog/recovery.ts";

const IN_FLIGHT_MS = 1000;

Deno.test("missedSince(): a client that has heard nothing for long misses only what can have been under way", () => {
  const start = { since: "1000-0", at: 1000, inboxes: [] };
  const since = (offset: string, heardMs: number) =>
    missedSince(start, { offset, heardMs, inFlightMs: IN_FLIGHT_MS });
  assert.equal(since("5100-0.1", 5200), "5100-0.1");
  assert.equal(since("1000-0", 901_800), "900800-0");
  assert.equal(since("900900-0", 901_800), "900900-0");
  // what it got before that had a place it has got all the same
  assert.equal(since("1000-0.2+7@n", 901_800), "900800-0+7@n");
});

Deno.test("missedSince(): a session that is lost while it gets what it missed gets all of that again", () => {
  const start = { since: "10050-0", at: 500_000, inboxes: [] };
  const since = (offset: string, heardMs: number) =>
    missedSince(start, { offset, heardMs, inFlightMs: IN_FLIGHT_MS });
  assert.equal(since("10060-0", 500_900), "10060-0");
  assert.equal(since("10000-0", 500_900), "10050-0");
  assert.equal(since("10060-0", 501_001), "500001-0");
});

Deno.test("isFor(): only who was in a room when an event was sent, and is still, and is not excepted", () => {
  const session = {
    sid: "s",
    pid: "p",
    rooms: ["s", "r", "late", "left"],
    data: { joined: { late: "50-0" } },
  };
  const own = roomsOf(session, new Set(["s", "r", "late", "new"]));
  const sent = (rooms: string[], { except = [] as string[], position = "60-0.0" } = {}) =>
    isFor({ rooms, except, position }, own);
  assert.deepEqual([sent([]), sent(["r"]), sent(["x", "s"])], [true, true, true]);
  assert.deepEqual([sent(["left"]), sent(["new"]), sent(["x"])], [false, false, false]);
  assert.deepEqual([sent(["late"]), sent(["late"], { position: "40-0.0" })], [true, false]);
  assert.deepEqual([sent([], { except: ["s"] }), sent(["r"], { except: ["left"] })], [false, true]);
});

Deno.test("recovery in one process", async (t) => {
  const clock = FakeTimers.install({ now: 5000, toFake: ["Date"] });
  using _ = { [Symbol.dispose]: () => clock.uninstall() };
  const { adapter, recovery } = createMemoryAdapter({ inFlightMs: IN_FLIGHT_MS });
  const io = new Server({ adapter });
  const tick = (ms: number): void => void clock.tick(ms);
  const sessionAt = (since: string): RecoverableSession => ({
    sid: "s",
    pid: "p",
    rooms: ["s", "r"],
    data: { userId: "ada", start: { since, at: Date.now(), inboxes: [] } },
  });
  const claim = { pid: "p", userId: "ada" };
  const texts = (frames: unknown[] | undefined) => frames?.map((frame) => String(frame));

  await t.step(
    "a session gets what was sent to its rooms since its client's position, and only once",
    async () => {
      const offset = recovery.position!;
      recovery.persist(sessionAt(offset));
      tick(100);
      io.to("r").emit("a", 1);
      const after = recovery.position!;
      io.to("other").emit("b");
      io.to("r").volatile.emit("c");
      io.emit("d");
      const restored = (await recovery.restore({ ...claim, offset }))!;
      assert.equal(restored.data.start!.since, offset);
      const last = recovery.position!;
      assert.equal(await recovery.restore({ ...claim, offset }), undefined);
      assert.deepEqual(texts(restored.open(new Set(["s", "r"])))?.[0], `2["a",1,null,"${after}"]`);
      assert.deepEqual(restored.open(new Set(["s", "r"]))!.length, 2);
      assert.deepEqual(restored.open(new Set(["s"]))!.length, 1);
      restored.end();
      assert.deepEqual((await recovery.restore({ ...claim, offset: last }))!.open(new Set(["r"])), []);
    },
  );

  await t.step("somebody else gets nothing, and leaves it there", async () => {
    const offset = recovery.position!;
    recovery.persist(sessionAt(offset));
    await assert.rejects(recovery.restore({ ...claim, offset, userId: "eve" }), { code: "access/denied" });
    for (const bad of ["", "x", "5100", "5100-0 "]) {
      assert.equal(await recovery.restore({ ...claim, offset: bad }), undefined, bad);
    }
    assert.notEqual(await recovery.restore({ ...claim, offset }), undefined);
  });

  await t.step("one that is not lost yet is closed first", async () => {
    recovery.onWanted((pid) => pid === "p" && recovery.persist(sessionAt(recovery.position!)));
    assert.notEqual(await recovery.restore({ ...claim, offset: recovery.position! }), undefined);
    recovery.onWanted(() => {});
  });

  await t.step("it waits two minutes", async () => {
    const offset = recovery.position!;
    recovery.persist(sessionAt(offset));
    tick(121_000);
    assert.equal(await recovery.restore({ ...claim, offset }), undefined);
  });
});
