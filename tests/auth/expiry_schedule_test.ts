import assert from "node:assert/strict";
import FakeTimers, { type Clock } from "@sinonjs/fake-timers";
import { createExpirySchedule, type ExpirySchedule } from "../../lib/auth/expiry_schedule.ts";

const START = 1_800_000_000_000;
const DAY_MS = 86_400_000;
const LATE_MS = 500;

interface Call {
  what: "expiring" | "expired";
  id: string;
  atMs: number;
}

interface Setup {
  clock: Clock;
  schedule: ExpirySchedule<string>;
  calls: Call[];
  errors: unknown[];
}

/** Runs `test` on a schedule under fake time; calls are recorded with the time since the start. */
function withSchedule(
  options: { noticeMs?: number; toleranceMs?: number; onCall?: (call: Call, setup: Setup) => void },
  test: (setup: Setup) => void,
): void {
  const { noticeMs = 60_000, toleranceMs = 0, onCall = () => {} } = options;
  const clock = FakeTimers.install({
    now: START,
    toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date"],
  });
  try {
    const calls: Call[] = [];
    const errors: unknown[] = [];
    const record = (call: Call) => {
      calls.push(call);
      onCall(call, setup);
    };
    using schedule = createExpirySchedule<string>({
      noticeMs,
      toleranceMs,
      onExpiring: (id) => record({ what: "expiring", id, atMs: Date.now() - START }),
      onExpired: (id) => record({ what: "expired", id, atMs: Date.now() - START }),
      onError: (error) => errors.push(error),
      now: () => Date.now(),
    });
    const setup: Setup = { clock, schedule, calls, errors };
    test(setup);
    schedule[Symbol.dispose]();
    assert.equal(clock.countTimers(), 0);
  } finally {
    clock.uninstall();
  }
}

function assertCalls(calls: Call[], expected: Call[]): void {
  assert.deepEqual(
    calls.map(({ what, id }) => `${what} ${id}`),
    expected.map(({ what, id }) => `${what} ${id}`),
  );
  for (const [index, { what, id, atMs }] of expected.entries()) {
    const lateMs = calls[index]!.atMs - atMs;
    assert(lateMs >= 0 && lateMs <= LATE_MS, `${what} ${id} came ${lateMs} ms late`);
  }
}

Deno.test("a session is told once before its token runs out, and once when it has", () => {
  withSchedule({}, ({ clock, schedule, calls }) => {
    schedule.set("a", START + 3_600_000);
    clock.tick(2 * 3_600_000);
    assertCalls(calls, [
      { what: "expiring", id: "a", atMs: 3_540_000 },
      { what: "expired", id: "a", atMs: 3_600_000 },
    ]);
    assert.equal(clock.countTimers(), 0, "nobody is watched any more");
  });
});

Deno.test("a token that lives shorter than the notice is told of at half its life", () => {
  withSchedule({}, ({ clock, schedule, calls }) => {
    schedule.set("a", START + 3000);
    clock.tick(10_000);
    assertCalls(calls, [{ what: "expiring", id: "a", atMs: 1500 }, { what: "expired", id: "a", atMs: 3000 }]);
  });
});

Deno.test("the end waits for the clock tolerance, the notice does not", () => {
  withSchedule({ toleranceMs: 5000, noticeMs: 1000 }, ({ clock, schedule, calls }) => {
    schedule.set("a", START + 10_000);
    clock.tick(60_000);
    assertCalls(calls, [{ what: "expiring", id: "a", atMs: 9000 }, {
      what: "expired",
      id: "a",
      atMs: 15_000,
    }]);
  });
});

Deno.test("a token that is over when it is set ends at once, without a notice", () => {
  withSchedule({}, ({ clock, schedule, calls }) => {
    schedule.set("a", START - 1);
    schedule.set("b", 0);
    assertCalls(calls, []);
    clock.tick(1000);
    assertCalls(calls, [{ what: "expired", id: "a", atMs: 0 }, { what: "expired", id: "b", atMs: 0 }]);
  });
});

Deno.test("a refreshed token moves notice and end", () => {
  withSchedule({}, ({ clock, schedule, calls }) => {
    schedule.set("a", START + 100_000);
    clock.tick(49_000);
    schedule.set("a", START + 200_000);
    clock.tick(90_000);
    assertCalls(calls, []);
    clock.tick(2000);
    schedule.set("a", START + 400_000);
    clock.tick(400_000);
    assertCalls(calls, [
      { what: "expiring", id: "a", atMs: 140_000 },
      { what: "expiring", id: "a", atMs: 340_000 },
      { what: "expired", id: "a", atMs: 400_000 },
    ]);
  });
});

Deno.test("a token may be replaced by one that ends sooner, or never", () => {
  withSchedule({}, ({ clock, schedule, calls }) => {
    schedule.set("a", START + DAY_MS);
    schedule.set("a", START + 10_000);
    schedule.set("b", START + 10_000);
    schedule.set("b", null);
    assert.equal(clock.countTimers(), 1);
    clock.tick(2 * DAY_MS);
    assertCalls(calls, [{ what: "expiring", id: "a", atMs: 5000 }, {
      what: "expired",
      id: "a",
      atMs: 10_000,
    }]);
  });
});

Deno.test("a deleted session is told nothing", () => {
  withSchedule({}, ({ clock, schedule, calls }) => {
    schedule.set("a", START + 100_000);
    schedule.set("b", START + 100_000);
    clock.tick(45_000);
    schedule.delete("a");
    schedule.delete("a");
    schedule.delete("unknown");
    clock.tick(100_000);
    assert.deepEqual([...new Set(calls.map(({ id }) => id))], ["b"]);
    assert.equal(clock.countTimers(), 0);
  });
});

Deno.test("an expiry farther away than a timer can wait comes when it should", () => {
  withSchedule({}, ({ clock, schedule, calls }) => {
    const farMs = 60 * DAY_MS;
    assert(farMs > 2 ** 31);
    schedule.set("a", START + farMs);
    clock.tick(1000);
    assertCalls(calls, []);
    // as a computer that slept: the clock jumps, no timer ran
    clock.setSystemTime(START + farMs - 61_000);
    clock.tick(200);
    assertCalls(calls, []);
    clock.tick(120_000);
    assertCalls(calls, [
      { what: "expiring", id: "a", atMs: farMs - 60_000 },
      { what: "expired", id: "a", atMs: farMs },
    ]);
  });
});

Deno.test("a clock that is set back or forth delays and hastens nothing but by what it was set", () => {
  withSchedule({ noticeMs: 0 }, ({ clock, schedule, calls }) => {
    schedule.set("a", START + 10_000);
    clock.tick(5000);
    clock.setSystemTime(START - 3_600_000);
    schedule.set("b", START - 3_600_000 + 10_000);
    clock.tick(20_000);
    assertCalls(calls, [{ what: "expired", id: "b", atMs: -3_600_000 + 10_000 }]);
    clock.setSystemTime(START + 10_000);
    clock.tick(400);
    assertCalls(calls.slice(1), [{ what: "expired", id: "a", atMs: 10_000 }]);
  });
});

Deno.test("many sessions, all over the time, are each told within half a second", () => {
  withSchedule({}, ({ clock, schedule, calls }) => {
    const ends = Array.from(
      { length: 2000 },
      (_, n) => ({ id: `s${n}`, atMs: 120_000 + (n * 7919) % 600_000 }),
    );
    for (const { id, atMs } of ends) schedule.set(id, START + atMs);
    clock.tick(800_000);
    const ended = new Map(calls.filter(({ what }) => what === "expired").map(({ id, atMs }) => [id, atMs]));
    assert.equal(calls.length, 2 * ends.length);
    for (const { id, atMs } of ends) {
      const lateMs = ended.get(id)! - atMs;
      assert(lateMs >= 0 && lateMs <= LATE_MS, `${id} came ${lateMs} ms late`);
    }
  });
});

Deno.test("many sessions that end at once let other work in between", () => {
  withSchedule({ noticeMs: 0 }, ({ clock, schedule, calls }) => {
    for (let n = 0; n < 1000; n++) schedule.set(`s${n}`, START + 1000);
    let atTurns = 0;
    let last = 0;
    while (calls.length < 1000) {
      clock.next();
      assert(calls.length - last <= 100);
      if (calls.length > last) atTurns++;
      last = calls.length;
    }
    assert.equal(atTurns, 10);
    assert(Date.now() - START <= 1000 + LATE_MS);
  });
});

Deno.test("a callback may set and delete sessions, also those that are due in the same moment", () => {
  const onCall = ({ what, id }: Call, { schedule }: Setup) => {
    if (what !== "expired" || id !== "a") return;
    schedule.delete("b");
    schedule.set("c", Date.now() + 10_000);
    schedule.set("a", Date.now() + 20_000);
  };
  withSchedule({ noticeMs: 0, onCall }, ({ clock, schedule, calls }) => {
    for (const id of ["a", "b", "c"]) schedule.set(id, START + 1000);
    clock.tick(12_000);
    assertCalls(calls, [{ what: "expired", id: "a", atMs: 1000 }, {
      what: "expired",
      id: "c",
      atMs: 11_000,
    }]);
  });
});

Deno.test("a callback that throws is reported and ends nothing", () => {
  const onCall = () => {
    throw new Error("callback");
  };
  withSchedule({ onCall }, ({ clock, schedule, calls, errors }) => {
    schedule.set("a", START + 10_000);
    schedule.set("b", START + 10_000);
    clock.tick(11_000);
    assert.equal(calls.length, 4);
    assert.equal(errors.length, 4);
    assert.equal(clock.countTimers(), 0, "nobody is watched any more");
  });
});
