/** What the app sends: once, in order, or with a reason why not. */
import assert from "node:assert/strict";
import type { Requests } from "../../lib/protocol/events.ts";
import { RequestError } from "../../lib/client/mod.ts";
import { settle, stage, stateOf } from "./support.ts";

// the client carries whatever it is given
const message = (data: unknown): Requests["events:channel"]["payload"] => ({
  channel_id: "c",
  data: { type: "message", data: data as { content: string } },
});

Deno.test("request() resolves with the answer's fields", async () => {
  using s = stage();
  await s.establish();
  const users = s.connection.request("presence:list", { userIds: [] });
  await settle();
  s.transport.sentOf("presence:list")[0]?.ack?.({ ok: true, users: [] });
  assert.deepEqual(await users, { users: [] });
});

Deno.test("request() rejects with the server's code and its retryAfterMs", async () => {
  using s = stage();
  await s.establish();
  const request = s.connection.request("presence:list", {});
  await settle();
  const error = { code: "request/rate-limited", message: "slow down", retryAfterMs: 50 };
  s.transport.sentOf("presence:list")[0]?.ack?.({ ok: false, error });
  await assert.rejects(request, (thrown) => {
    assert(thrown instanceof RequestError);
    assert.deepEqual(
      { code: thrown.code, message: thrown.message, retryAfterMs: thrown.retryAfterMs },
      error,
    );
    return true;
  });
});

Deno.test("request() rejects an answer that has not the shape of the contract", async () => {
  using s = stage();
  await s.establish();
  for (const answer of [undefined, null, "ok", {}, { ok: "yes" }]) {
    const request = assert.rejects(s.connection.request("presence:list", {}), { code: "bad-answer" });
    await settle();
    s.transport.sent.at(-1)?.ack?.(answer);
    await request;
  }
  const request = assert.rejects(s.connection.request("presence:list", {}), { code: "server/unavailable" });
  await settle();
  s.transport.sent.at(-1)?.ack?.({ ok: false });
  await request;
});

Deno.test("request() waits while there is no session, and goes out once and in order after user-join", async () => {
  using s = stage();
  s.transport.obliging = false;
  const failed: unknown[] = [];
  for (const n of [1, 2, 3]) {
    s.connection.request("events:channel", message(n)).catch((error) => failed.push(error));
  }
  s.connection.send("usage", { model: "m" });
  await s.establish();
  assert.deepEqual(s.transport.sent.map(({ event }) => event).sort(), ["heartbeat", "user-join"]);
  s.transport.sentOf("user-join")[0]?.ack?.({ ok: true });
  await settle();
  const sent = s.transport.sent.filter(({ event }) => event === "events:channel" || event === "usage");
  assert.deepEqual(sent.map(({ event, payload }) => event === "usage" ? "usage" : payload), [
    message(1),
    message(2),
    message(3),
    "usage",
  ]);
  assert.deepEqual(failed, []);
});

Deno.test("request() goes out although user-join was refused, which the error event tells", async () => {
  using s = stage();
  s.transport.obliging = false;
  const errors: unknown[] = [];
  s.connection.on("error", ({ event, code }) => errors.push([event, code]));
  await s.establish();
  s.connection.send("usage", { model: "m" });
  s.transport.sentOf("user-join")[0]?.ack?.({
    ok: false,
    error: { code: "server/unavailable", message: "no" },
  });
  await settle();
  assert.deepEqual(errors, [["user-join", "server/unavailable"]]);
  assert.equal(s.transport.sentOf("usage").length, 1);
});

Deno.test("request() that was sent fails when the line breaks, and is not sent again", async () => {
  using s = stage();
  await s.establish();
  const request = s.connection.request("events:channel", message(1));
  await settle();
  const [sent] = s.transport.sentOf("events:channel");
  s.transport.lose();
  await assert.rejects(request, { code: "disconnected" });
  await s.clock.advance(1000);
  s.transport.ready();
  sent?.ack?.({ ok: true }); // too late, and harmless
  await settle();
  assert.equal(s.transport.sentOf("events:channel").length, 1);
});

Deno.test("request() tells 'expired' from 'timeout': whether it was sent", async () => {
  using s = stage();
  const waiting = assert.rejects(s.connection.request("presence:list", {}, { timeoutMs: 500 }), {
    code: "expired",
  });
  await s.clock.advance(500);
  await waiting;
  await s.establish();
  const sent = assert.rejects(s.connection.request("presence:list", {}, { timeoutMs: 500 }), {
    code: "timeout",
  });
  await s.clock.advance(500);
  await sent;
  assert.equal(s.transport.sentOf("presence:list").length, 1);
});

Deno.test("request() counts the wait in the outbox against its time", async () => {
  using s = stage();
  const request = assert.rejects(s.connection.request("presence:list", {}, { timeoutMs: 1000 }), {
    code: "timeout",
  });
  await s.clock.advance(750);
  await s.establish();
  assert.equal(s.transport.sentOf("presence:list").length, 1);
  await s.clock.advance(250);
  await request;
});

Deno.test("request() gives up when its signal is aborted: before, while waiting, while sent", async () => {
  using s = stage();
  await assert.rejects(s.connection.request("presence:list", {}, { signal: AbortSignal.abort() }), {
    code: "aborted",
  });
  const waits = new AbortController();
  const waiting = assert.rejects(s.connection.request("presence:list", {}, waits), { code: "aborted" });
  waits.abort();
  await waiting;
  await s.establish();
  const sent = new AbortController();
  const request = assert.rejects(s.connection.request("presence:list", {}, sent), { code: "aborted" });
  await settle();
  sent.abort();
  await request;
  assert.equal(s.transport.sentOf("presence:list").length, 1);
  assert.equal(s.clock.timers(), 1);
});

Deno.test("request() finds the outbox full by count and by bytes, and there is room again later", async () => {
  using counted = stage({ outbox: { maxCount: 2 } });
  counted.connection.send("usage", { model: "a" });
  const expired = assert.rejects(counted.connection.request("presence:list", {}, { timeoutMs: 250 }), {
    code: "expired",
  });
  await assert.rejects(counted.connection.request("presence:list", {}), { code: "outbox-full" });
  await counted.clock.advance(250);
  await expired;
  counted.connection.request("presence:list", {}).catch(() => {});
  await counted.establish();
  assert.equal(counted.transport.sentOf("presence:list").length, 1);

  using weighed = stage({ outbox: { maxBytes: 1000 } });
  await assert.rejects(weighed.connection.request("events:channel", message("é".repeat(500))), {
    code: "outbox-full",
  });
  await assert.rejects(weighed.connection.request("events:channel", message(new Uint8Array(1000))), {
    code: "outbox-full",
  });
  weighed.connection.request("events:channel", message(new Uint8Array(900))).catch(() => {});
  await weighed.establish();
  assert.equal(weighed.transport.sentOf("events:channel").length, 1);
});

Deno.test("request() refuses a payload that no message can carry", async () => {
  using s = stage();
  const circle: Record<string, unknown> = {};
  circle.self = circle;
  await assert.rejects(s.connection.request("events:channel", message(circle)), { code: "unsendable" });
});

Deno.test("request() that waits fails when no connection will come, and so does a later one", async () => {
  using s = stage();
  const waiting = assert.rejects(s.connection.request("presence:list", {}), { code: "disconnected" });
  s.connection.connect();
  s.connection.disconnect();
  await waiting;
  await assert.rejects(s.connection.request("presence:list", {}), { code: "disconnected" });
});

Deno.test("send() tells by the error event what did not go out", async () => {
  using s = stage({ outbox: { maxCount: 1 } });
  const errors: unknown[] = [];
  s.connection.on("error", ({ event, code }) => errors.push([event, code]));
  s.connection.send("usage", { model: "a" });
  s.connection.send("usage", { model: "b" });
  await s.clock.advance(10_000);
  assert.deepEqual(errors, [["usage", "outbox-full"], ["usage", "expired"]]);
});

Deno.test("send() leaves no timer behind", async () => {
  using s = stage();
  await s.establish();
  for (let n = 0; n < 10; n++) s.connection.send("usage", { model: "m" });
  assert.equal(s.clock.timers(), 1);
  stateOf(s.connection, "connected");
});
