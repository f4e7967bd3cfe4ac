import assert from "node:assert/strict";
import fc from "fast-check";
import {
  comparePositions,
  createPacketLog,
  isPosition,
  type PacketLog,
} from "../../lib/eventlog/packet_log.ts";

const none: ReadonlySet<string> = new Set();

function add(
  log: PacketLog,
  position: string,
  { rooms = [] as string[], except = [] as string[], bytes = 1 } = {},
): void {
  log.advance(position, { data: ["e", position], rooms: new Set(rooms), except: new Set(except), bytes });
}

function missed(log: PacketLog, since: string, rooms: string[] = []): string[] | undefined {
  return log.since(since, new Set(rooms))?.map((data) => data.at(-1) as string);
}

Deno.test("since() gives what was sent to one's rooms after a position, with the positions last", () => {
  const log = createPacketLog({ keepMs: 1000 });
  log.advance("9-0");
  add(log, "10-0");
  add(log, "10-1", { rooms: ["a", "b"] });
  add(log, "10-2", { rooms: ["c"] });
  add(log, "10-10", { rooms: ["a"], except: ["me"] });
  log.advance("11-0");
  assert.deepEqual(missed(log, "9-0", ["a", "b"]), ["10-0", "10-1", "10-10"]);
  assert.deepEqual(missed(log, "9-0", ["a", "me"]), ["10-0", "10-1"]);
  assert.deepEqual(missed(log, "10-1", ["a"]), ["10-10"]);
  assert.deepEqual(missed(log, "11-0", ["a"]), []);
  assert.deepEqual(log.since("10-2", new Set(["a"])), [["e", "10-10", null, "10-10"]]);
  assert.equal(log.position, "11-0");
});

Deno.test("since() gives nothing rather than a part: before the log began, and before what it has dropped", () => {
  const log = createPacketLog({ keepMs: 1000, maxPackets: 3 });
  assert.equal(log.since("5-0", none), undefined);
  log.advance("10-0");
  assert.equal(log.since("9-5", none), undefined);
  assert.deepEqual(missed(log, "10-0"), []);
  for (const n of [1, 2, 3, 4]) add(log, `10-${n}`);
  assert.equal(log.since("10-0", none), undefined);
  assert.deepEqual(missed(log, "10-1"), ["10-2", "10-3", "10-4"]);
});

Deno.test("the log is bounded by bytes and by age", () => {
  const log = createPacketLog({ keepMs: 1000, maxBytes: 100 });
  log.advance("1000-0");
  add(log, "1000-1", { bytes: 60 });
  add(log, "1000-2", { bytes: 60 });
  assert.deepEqual(missed(log, "1000-1"), ["1000-2"]);
  assert.equal(log.since("1000-0", none), undefined);
  log.advance("2500-0");
  assert.equal(log.since("1000-1", none), undefined);
  assert.deepEqual(missed(log, "1000-2"), []);
});

Deno.test("forget() makes everything before it incomplete", () => {
  const log = createPacketLog({ keepMs: 1000 });
  log.advance("10-0");
  add(log, "10-1");
  log.forget();
  assert.equal(log.since("10-0", none), undefined);
  assert.deepEqual(missed(log, "10-1"), []);
  add(log, "10-2");
  assert.deepEqual(missed(log, "10-1"), ["10-2"]);
});

Deno.test("positions compare by number", () => {
  const sorted = ["9-9", "10-2", "10-10", "100-0"];
  assert.deepEqual(["100-0", "10-10", "9-9", "10-2"].toSorted(comparePositions), sorted);
  for (const bad of ["", "1", "1-", "-1", "1-2-3", "a-1", " 1-1", "1".repeat(16) + "-0", 5, null]) {
    assert.equal(isPosition(bad), false, String(bad));
  }
});

Deno.test("since() agrees with a list that forgets nothing, wherever it answers", () => {
  const room = fc.constantFrom("a", "b", "c");
  const packet = fc.record({
    rooms: fc.array(room, { maxLength: 2 }),
    except: fc.array(room, { maxLength: 1 }),
    bytes: fc.integer({ min: 1, max: 40 }),
    afterMs: fc.integer({ min: 0, max: 60 }),
  });
  fc.assert(
    fc.property(fc.array(packet, { maxLength: 3000, size: "max" }), fc.array(room), (packets, mine) => {
      const log = createPacketLog({ keepMs: 2000, maxPackets: 50, maxBytes: 800 });
      const all: { position: string; isMine: boolean }[] = [];
      let time = 0;
      for (const [n, { rooms, except, bytes, afterMs }] of packets.entries()) {
        const position = `${time += afterMs}-${n}`;
        add(log, position, { rooms, except, bytes });
        const isMine = (rooms.length === 0 || rooms.some((room) => mine.includes(room))) &&
          !except.some((room) => mine.includes(room));
        all.push({ position, isMine });
      }
      let answered = 0;
      for (const [n, { position }] of all.entries()) {
        const since = missed(log, position, mine);
        if (since === undefined) continue;
        answered++;
        assert.deepEqual(
          since,
          all.slice(n + 1).filter(({ isMine }) => isMine).map(({ position }) => position),
        );
      }
      assert.ok(packets.length === 0 || answered > 0);
    }),
    { numRuns: 30 },
  );
});
