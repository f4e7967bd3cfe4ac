import assert from "node:assert/strict";
import { createPacketLog } from "../../lib/eventlog/packet_log.ts";
import { createRecovery, type Resumption, type SavedSession } from "../../lib/eventlog/recovery.ts";

const IN_FLIGHT_MS = 1000;

function stage() {
  const clock = { now: 0 };
  const saved = new Map<string, SavedSession>();
  const packets = createPacketLog({ keepMs: 60_000 });
  const recovery = createRecovery({
    ...{ packets, inFlightMs: IN_FLIGHT_MS, now: () => clock.now },
    sessions: {
      save: (session) => void saved.set(session.pid, session),
      take(pid) {
        const session = saved.get(pid);
        saved.delete(pid);
        return Promise.resolve(session);
      },
    },
  });
  const at = (position: string, text?: string): void => {
    const packet = { data: [text], rooms: new Set(["r"]), except: new Set<string>(), bytes: 1 };
    packets.advance(position, text === undefined ? undefined : packet);
  };
  /** Loses a session and takes it up again: from where on it misses events. */
  async function since(offset: string, data: Resumption = {}): Promise<string | undefined> {
    recovery.persist({ sid: "s", pid: "p", rooms: ["s", "r"], data });
    return ((await recovery.restore("p", offset))?.data as Resumption | undefined)?.missedSince;
  }
  return { clock, packets, recovery, at, since };
}

Deno.test("a session misses what was sent since its client's position", async () => {
  const { recovery, at, since } = stage();
  at("5000-0");
  at("5100-0", "a");
  at("5200-0", "b");
  assert.equal(await since("5100-0"), "5100-0");
  assert.deepEqual(recovery.missed("5100-0", new Set(["r"])), [["b", null, "5200-0"]]);
  assert.deepEqual(recovery.missed("5100-0", new Set(["other"])), []);
});

Deno.test("a client that has heard nothing for long misses only what can have been under way", async () => {
  const { at, since } = stage();
  at("1000-0");
  at("900000-0", "a");
  at("900500-0");
  at("901800-0");
  assert.equal(await since("1000-0"), "900800-0");
});

Deno.test("a session that is lost while it gets what it missed gets all of that again", async () => {
  const { clock, at, since } = stage();
  at("10000-0");
  at("10100-0", "old");
  at("20000-0");
  clock.now = 500_000;
  const data = { missedSince: "10050-0", resumedAt: 499_900 };
  assert.equal(await since("10060-0", data), "10060-0");
  assert.equal(await since("10000-0", data), "10050-0");
  assert.equal(await since("10060-0", { missedSince: "10050-0" }), "10060-0");
  clock.now = 501_000;
  assert.equal(await since("10060-0", data), "19000-0");
});

Deno.test("a session is not given back when something may be missing, or for what is no position", async () => {
  const { packets, at, since } = stage();
  at("5000-0");
  at("5100-0", "a");
  for (const offset of ["", "x", "5100", "5100-0 "]) assert.equal(await since(offset), undefined, offset);
  packets.forget();
  assert.equal(await since("5000-0"), undefined);
  assert.equal(await since("5100-0"), "5100-0");
});

Deno.test("restore() waits until the node has heard what the client has", async () => {
  const packets = createPacketLog({ keepMs: 60_000 });
  packets.advance("1-0");
  const session = { sid: "s", pid: "p", rooms: [], data: {}, arrived: "1-0" };
  for (const hears of [true, false]) {
    const recovery = createRecovery({
      ...{ packets, inFlightMs: 1000 },
      sessions: { save: () => {}, take: () => Promise.resolve(session) },
      heard: (position) => Promise.resolve(hears && position === "2-0"),
    });
    assert.equal(await recovery.restore("p", "2-0") !== null, hears);
  }
});
