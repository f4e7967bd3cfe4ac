/** The heartbeat: one timer, an honest "active", and a dead line found in time. */
import assert from "node:assert/strict";
import { addRtt, NO_RTT } from "../../lib/client/rtt.ts";
import { settle, stage, stateOf } from "./support.ts";

Deno.test("heartbeat beats at once and then at the server's interval", async () => {
  using s = stage();
  await s.establish({ heartbeatIntervalMs: 5000 });
  assert.equal(s.transport.sentOf("heartbeat").length, 1);
  await s.clock.advance(4750);
  assert.equal(s.transport.sentOf("heartbeat").length, 1);
  await s.clock.advance(250);
  assert.equal(s.transport.sentOf("heartbeat").length, 2);
  await s.clock.advance(60_000);
  assert.equal(s.transport.sentOf("heartbeat").length, 14);
});

Deno.test("heartbeat bears a server that gives no sensible interval", async () => {
  using s = stage();
  await s.establish({ heartbeatIntervalMs: NaN });
  await s.clock.advance(30_000);
  assert.equal(s.transport.sentOf("heartbeat").length, 2);
});

Deno.test("heartbeat says whether the user is there, and says so at once when they come back", async () => {
  using s = stage();
  s.environment.isActive = false;
  await s.establish();
  s.environment.isActive = true;
  s.environment.tell("active");
  assert.deepEqual(s.transport.sentOf("heartbeat").map(({ payload }) => payload), [
    { active: false },
    { active: true },
  ]);
});

for (const event of ["active", "visible"] as const) {
  Deno.test(`heartbeat says that the user is there also when '${event}' finds a beat under way`, async () => {
    using s = stage();
    s.environment.isActive = false;
    s.transport.obliging = false;
    await s.establish();
    s.environment.isActive = true;
    s.environment.tell(event);
    const beats = () => s.transport.sentOf("heartbeat").map(({ payload }) => payload);
    assert.deepEqual(beats(), [{ active: false }], "one at a time");
    s.transport.sentOf("heartbeat")[0]?.ack?.({ ok: true, serverTime: 0 });
    assert.deepEqual(beats(), [{ active: false }, { active: true }]);
    s.transport.sentOf("heartbeat")[1]?.ack?.({ ok: true, serverTime: 0 });
    assert.equal(beats().length, 2);
  });
}

Deno.test("heartbeat without an answer for 10 seconds drops the line, which can be recovered", async () => {
  using s = stage();
  s.transport.obliging = false;
  await s.establish();
  await s.clock.advance(9750);
  stateOf(s.connection, "connected");
  await s.clock.advance(250);
  assert.equal(stateOf(s.connection, "reconnecting").cause.kind, "suspect");
  assert.deepEqual(s.transport.ends, ["drop"]);
});

Deno.test("heartbeat measures round trips and the server's clock", async () => {
  using s = stage();
  s.transport.obliging = false;
  await s.establish();
  await s.clock.advance(80);
  s.transport.sentOf("heartbeat")[0]?.ack?.({ ok: true, serverTime: s.clock.now() + 960 });
  assert.equal(stateOf(s.connection, "connected").rttMs, 80);
  assert.deepEqual(s.connection.rtt, { samples: [80], meanMs: 80, jitterMs: 40, clockOffsetMs: 1000 });
});

for (const event of ["visible", "online", "offline"] as const) {
  Deno.test(`heartbeat finds a dead line within 5 seconds after '${event}'`, async () => {
    using s = stage();
    await s.establish();
    s.transport.obliging = false;
    s.environment.tell(event);
    await s.clock.advance(5000);
    assert.equal(stateOf(s.connection, "reconnecting").cause.kind, "suspect");
  });
}

Deno.test("heartbeat notices a sleep by the clock and finds a dead line within 5 seconds", async () => {
  using s = stage();
  await s.establish();
  s.transport.obliging = false;
  s.clock.sleep(3_600_000);
  await s.clock.advance(5000);
  assert.equal(stateOf(s.connection, "reconnecting").cause.kind, "suspect");
});

Deno.test("heartbeat keeps a line that answers after a sleep, also a beat from before it", async () => {
  using s = stage();
  s.transport.obliging = false;
  await s.establish();
  s.clock.sleep(3_600_000);
  await s.clock.advance(1250);
  s.transport.obliging = true;
  s.transport.sentOf("heartbeat")[0]?.ack?.({ ok: true, serverTime: 0 });
  await s.clock.advance(60_000);
  stateOf(s.connection, "connected");
  assert(
    s.connection.rtt.samples.every((rttMs) => rttMs < 10_000),
    "a trip through a sleep is no round trip",
  );
});

Deno.test("heartbeat finds a dead line in a hidden page whose timers come once a minute", async () => {
  using s = stage();
  s.transport.obliging = false;
  await s.establish();
  for (let minute = 0; minute < 3; minute++) {
    s.clock.sleep(58_750);
    await s.clock.advance(1250);
  }
  stateOf(s.connection, "reconnecting");
});

Deno.test("heartbeat has one timer on one line after 100 fast reconnects", async () => {
  using s = stage();
  await s.establish();
  for (let round = 0; round < 100; round++) {
    if (round % 2) s.transport.lose();
    s.connection.reconnect();
    s.environment.tell("visible");
    await settle();
    s.transport.ready();
    s.environment.tell("visible");
    await settle();
  }
  assert.equal(s.clock.timers(), 1);
  assert.equal(s.transport.overlaps, 0);
  const before = s.transport.sentOf("heartbeat").length;
  await s.clock.advance(30_000);
  assert.equal(s.transport.sentOf("heartbeat").length, before + 1);
});

Deno.test("heartbeat follows an interval that a second session:ready changes", async () => {
  using s = stage();
  await s.establish();
  s.transport.ready({ heartbeatIntervalMs: 2000 });
  await s.clock.advance(2000);
  assert.equal(s.transport.sentOf("heartbeat").length, 2);
  assert.equal(s.clock.timers(), 1);
});

Deno.test("addRtt() smooths as RFC 6298 does and keeps the last 30", () => {
  let stats = addRtt(NO_RTT, 100);
  assert.deepEqual([stats.meanMs, stats.jitterMs], [100, 50]);
  stats = addRtt(stats, 200);
  assert.deepEqual([stats.meanMs, stats.jitterMs], [112.5, 62.5]);
  for (let n = 0; n < 100; n++) stats = addRtt(stats, n);
  assert.equal(stats.samples.length, 30);
  assert.equal(stats.samples.at(-1), 99);
});

Deno.test("addRtt() takes the clock from the fastest round trip", () => {
  let stats = addRtt(NO_RTT, 20, { now: 0, serverTime: 100 });
  stats = addRtt(stats, 400, { now: 0, serverTime: 900 });
  assert.equal(stats.clockOffsetMs, 110);
  stats = addRtt(stats, 10, { now: 0, serverTime: 50 });
  assert.equal(stats.clockOffsetMs, 55);
});
