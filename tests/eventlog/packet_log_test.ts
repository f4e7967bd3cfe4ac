import assert from "node:assert/strict";
import fc from "fast-check";
import { createPacketLog, type PacketLog } from "../../lib/eventlog/packet_log.ts";
import { aheadOf, comparePositions, entryOf, isPosition } from "../../lib/eventlog/position.ts";

/** A log whose clock is in hand, and what it holds after a position. */
function stage(options: { keepMs?: number; maxPackets?: number; maxBytes?: number } = {}) {
  const clock = { now: 10 };
  const log = createPacketLog({ keepMs: 1000, now: () => clock.now, ...options });
  const add = ({ bytes = 1, rooms = [] as string[] } = {}): string => {
    const position = log.advance();
    log.add({ frames: ["x".repeat(bytes)], rooms, except: [], position });
    return position;
  };
  return { clock, log, add };
}

function after(log: PacketLog, start: string): string[] | undefined {
  return log.since(start)?.map(({ position }) => position);
}

Deno.test("positions go on with the clock, and by number while it stands still or goes back", () => {
  const { clock, log } = stage();
  assert.equal(log.position, "10-0");
  assert.deepEqual([log.advance(), log.advance()], ["10-1", "10-2"]);
  clock.now = 12;
  assert.equal(log.advance(), "12-0");
  clock.now = 11;
  assert.deepEqual([log.advance(), log.position], ["12-1", "12-1"]);
});

Deno.test("since() gives what was sent after a position, in its order", () => {
  const { log, add, clock } = stage();
  const start = log.position;
  const sent = [add(), add(), add()];
  clock.now = 20;
  sent.push(add());
  assert.deepEqual(after(log, start), sent);
  assert.deepEqual(after(log, sent[1]!), sent.slice(2));
  assert.deepEqual(after(log, sent[3]!), []);
});

Deno.test("since() gives nothing rather than a part: before the log began, and before what it has dropped", () => {
  const { log, add } = stage({ maxPackets: 3 });
  assert.equal(log.since("9-5"), undefined);
  assert.deepEqual(after(log, "10-0"), []);
  const sent = [1, 2, 3, 4].map(() => add());
  assert.equal(log.since("10-0"), undefined);
  assert.deepEqual(after(log, sent[0]!), sent.slice(1));
});

Deno.test("the log is bounded by bytes and by age", () => {
  const { log, add, clock } = stage({ maxBytes: 100 });
  const [first, second] = [add({ bytes: 60 }), add({ bytes: 60 })];
  assert.deepEqual(after(log, first), [second]);
  assert.equal(log.since("10-0"), undefined);
  clock.now = 1500;
  log.advance();
  assert.equal(log.since(first), undefined);
  assert.deepEqual(after(log, second), []);
});

Deno.test("positions compare by number; an entry comes after all that is in it", () => {
  const sorted = ["9-9", "10-2.0", "10-2.10", "10-2", "10-10.2", "100-0"];
  const mixed = ["100-0", "10-10.2", "9-9", "10-2.10", "10-2", "10-2.0"];
  assert.deepEqual(mixed.toSorted(comparePositions), sorted);
  assert.equal(comparePositions("10-2", "10-2+7@n"), 0);
  for (const good of ["1-0", "1-0.5", "1-0+7@a-b_C", "1-0.5+7@x"]) assert.equal(isPosition(good), true, good);
  const bad = [
    "",
    "1",
    "1-",
    "-1",
    "1-2-3",
    "a-1",
    " 1-1",
    "1".repeat(16) + "-0",
    "1-0.",
    "1-0+7",
    "1-0@n",
    5,
    null,
  ];
  for (const text of bad) assert.equal(isPosition(text), false, String(text));
  assert.deepEqual([entryOf("1-2.3+4@n"), entryOf("1-2")], ["1-2", "1-2"]);
  assert.deepEqual([aheadOf("1-2.3+4@n"), aheadOf("1-2.3")], [{ node: "n", number: 4 }, undefined]);
});

Deno.test("since() agrees with a list that forgets nothing, wherever it answers", () => {
  const packet = fc.record({
    bytes: fc.integer({ min: 1, max: 40 }),
    afterMs: fc.integer({ min: 0, max: 60 }),
  });
  fc.assert(
    fc.property(fc.array(packet, { maxLength: 3000, size: "max" }), (packets) => {
      const { log, add, clock } = stage({ keepMs: 2000, maxPackets: 50, maxBytes: 800 });
      const all = packets.map(({ bytes, afterMs }) => {
        clock.now += afterMs;
        return add({ bytes });
      });
      let answered = 0;
      for (const [n, position] of all.entries()) {
        const since = after(log, position);
        if (since === undefined) continue;
        answered++;
        assert.deepEqual(since, all.slice(n + 1));
      }
      assert.ok(packets.length === 0 || answered > 0);
    }),
    { numRuns: 30 },
  );
});
