/** What the connection does, seen from the app: connecting, losing, coming back, giving up. */
import assert from "node:assert/strict";
import { settle, stage, stateOf } from "./support.ts";

Deno.test("connect() is connected only after session:ready", async () => {
  using s = stage();
  assert.deepEqual(stateOf(s.connection, "disconnected"), {
    status: "disconnected",
    reason: "idle",
    cause: null,
  });
  s.connection.connect();
  await settle();
  stateOf(s.connection, "connecting");
  assert.deepEqual(s.transport.tokens, ["token-1"]);
  s.transport.ready({ degraded: false });
  const state = stateOf(s.connection, "connected");
  assert.equal(state.sid, "s1");
  assert.equal(state.user.name, "Ada");
  assert.equal(state.transport, "websocket");
  assert.equal(state.recovered, false);
  assert.deepEqual(s.log, ["connect"]);
});

Deno.test("connect() gives an attempt up that brings no session in time, and tries again", async () => {
  using s = stage();
  s.connection.connect();
  await s.clock.advance(10_000);
  const state = stateOf(s.connection, "reconnecting");
  assert.equal(state.phase, "waiting");
  assert.equal(state.cause.kind, "timeout");
  assert.equal(state.retryAt, s.clock.now() + 1000);
  assert.equal(s.transport.isOpen, false);
  await s.clock.advance(1000);
  assert.equal(s.transport.tokens.length, 2);
  s.transport.ready();
  assert.deepEqual(s.log, ["connect_error:timeout", "reconnect_attempt:1", "connect", "reconnect:1"]);
});

Deno.test("connection backs off 1, 2, 4, 5, 5 seconds while attempts fail", async () => {
  using s = stage();
  await s.establish();
  const waits: number[] = [];
  for (let round = 0; round < 5; round++) {
    s.transport.lose();
    const waitMs = stateOf(s.connection, "reconnecting").retryAt! - s.clock.now();
    waits.push(waitMs);
    await s.clock.advance(waitMs);
  }
  assert.deepEqual(waits, [1000, 2000, 4000, 5000, 5000]);
});

Deno.test("connection starts the count anew after 10 healthy seconds, and not before", async () => {
  using s = stage();
  await s.establish();
  const attempts: number[] = [];
  for (const healthyMs of [9750, 9750, 10_000]) {
    await s.clock.advance(healthyMs);
    s.transport.lose();
    const state = stateOf(s.connection, "reconnecting");
    attempts.push(state.attempt);
    await s.clock.advance(5000);
    s.transport.ready();
  }
  assert.deepEqual(attempts, [1, 2, 1]);
});

Deno.test("connection never tries before the server's retryAfterMs, whatever comes back", async () => {
  using s = stage();
  await s.establish();
  s.transport.handlers?.onEvent("session:end", {
    code: "server/draining",
    action: "retry",
    message: "bye",
    retryAfterMs: 20_000,
  });
  assert.deepEqual(s.transport.ends, ["drop"]);
  s.environment.tell("visible");
  s.environment.tell("offline");
  s.environment.tell("online");
  s.environment.tell("suspend");
  s.environment.tell("resume");
  await s.clock.advance(19_750);
  assert.equal(s.transport.tokens.length, 1);
  await s.clock.advance(250);
  assert.equal(s.transport.tokens.length, 2);
});

Deno.test("connection reconnects after a server-side disconnect without a reason", async () => {
  using s = stage();
  await s.establish();
  s.transport.lose("io server disconnect");
  assert.equal(s.connection.state.status, "reconnecting");
  await s.clock.advance(1000);
  assert.equal(s.transport.tokens.length, 2);
});

Deno.test("connection gives up after maxAttempts, and connect() starts anew", async () => {
  using s = stage({ maxAttempts: 2 });
  s.connection.connect();
  await settle();
  for (let attempt = 0; attempt < 3; attempt++) {
    s.transport.lose();
    await s.clock.advance(5000);
  }
  const state = stateOf(s.connection, "disconnected");
  assert.equal(state.reason, "exhausted");
  assert.equal(state.cause?.kind, "lost");
  assert.equal(s.log.at(-1), "reconnect_failed");
  assert.equal(s.clock.timers(), 0);
  await s.establish();
  assert.equal(s.connection.state.status, "connected");
});

Deno.test("connection stops when the server says stop", async () => {
  using s = stage();
  await s.establish();
  const end = { code: "session/ended", action: "stop", message: "ended by an administrator" };
  s.transport.handlers?.onEvent("session:end", end);
  const state = stateOf(s.connection, "disconnected");
  assert.equal(state.reason, "ended");
  assert.equal(state.cause?.code, "session/ended");
  await s.clock.advance(60_000);
  assert.equal(s.transport.tokens.length, 1);
});

Deno.test("connection takes a refusal without an action for a failed attempt", async () => {
  using s = stage();
  s.connection.connect();
  await settle();
  s.transport.refuse("nonsense");
  const state = stateOf(s.connection, "reconnecting");
  assert.deepEqual(state.cause, { kind: "lost", message: "refused" });
});

Deno.test("disconnect() ends the session and every try for one", async () => {
  using s = stage();
  await s.establish();
  s.connection.disconnect();
  const state = stateOf(s.connection, "disconnected");
  assert.equal(state.reason, "stopped");
  assert.deepEqual(s.transport.ends, ["close"]);
  assert.deepEqual(s.log, ["connect", "disconnect:manual"]);
  assert.equal(s.clock.timers(), 0);
});

Deno.test("reconnect() tries at once while waiting, and makes a new session of a live one", async () => {
  using s = stage();
  await s.establish();
  s.transport.lose();
  s.connection.reconnect();
  await settle();
  assert.equal(s.transport.tokens.length, 2);
  s.transport.ready();
  s.connection.reconnect();
  await settle();
  s.transport.ready();
  assert.equal(s.transport.tokens.length, 3);
  assert.equal(s.transport.overlaps, 0);
  assert.equal(s.connection.state.status, "connected");
});

Deno.test("connection reports listeners that throw, and tells the others", async () => {
  using s = stage();
  const reported: unknown[] = [];
  const onError = (event: ErrorEvent) => {
    event.preventDefault();
    reported.push(event.error);
  };
  globalThis.addEventListener("error", onError);
  const failure = new Error("a listener's own");
  const told: string[] = [];
  s.connection.on("connect", () => {
    throw failure;
  });
  s.connection.on("connect", () => told.push("second"));
  await s.establish();
  globalThis.removeEventListener("error", onError);
  assert.deepEqual(reported, [failure]);
  assert.deepEqual(told, ["second"]);
});

Deno.test("on() hears the server's events through a reconnect, with the way to answer", async () => {
  using s = stage();
  await s.establish();
  const heard: unknown[] = [];
  const off = s.connection.on("usage", ({ models }, answer) => {
    heard.push(models);
    answer?.("thanks");
  });
  const answers: unknown[] = [];
  s.transport.handlers?.onEvent("usage", { models: ["a"] });
  s.transport.lose();
  await s.clock.advance(1000);
  s.transport.ready();
  s.transport.handlers?.onEvent("usage", { models: ["b"] }, (answer) => answers.push(answer));
  off();
  s.transport.handlers?.onEvent("usage", { models: ["c"] });
  assert.deepEqual(heard, [["a"], ["b"]]);
  assert.deepEqual(answers, ["thanks"]);
});

Deno.test("changes of presence have one name for the app, however old the server", async () => {
  using s = stage();
  const heard: string[][] = [];
  s.connection.on("presence:changes", ({ users }) => heard.push(users.map(({ name }) => name)));
  await s.establish();
  s.transport.handlers?.onEvent("presence:changes", { users: [{ name: "Ada" }, { name: "Bob" }] });
  s.transport.handlers?.onEvent("presence:change", { name: "Eve" });
  assert.deepEqual(heard, [["Ada", "Bob"], ["Eve"]]);
});

Deno.test("resync tells when events may have been missed, and only then", async () => {
  using s = stage();
  await s.establish();
  s.transport.lose();
  await s.clock.advance(1000);
  s.transport.ready({ recovered: true });
  assert(!s.log.includes("resync:reconnected"));
  assert(stateOf(s.connection, "connected").recovered);
  s.transport.lose();
  await s.clock.advance(2000);
  s.transport.ready({ degraded: true });
  assert.deepEqual(s.log.slice(-2), ["reconnect:2", "resync:reconnected"]);
  assert(stateOf(s.connection, "connected").degraded);
  s.transport.ready();
  assert.equal(s.log.at(-1), "resync:degraded");
  assert.equal(s.transport.sentOf("user-join").length, 3);
});

Deno.test("a session that becomes degraded says so, and asks for a resync when it no longer is", async () => {
  using s = stage();
  await s.establish();
  s.transport.handlers?.onEvent("session:degraded", { degraded: true });
  assert(stateOf(s.connection, "connected").degraded);
  assert(!s.log.includes("resync:degraded"));
  s.transport.handlers?.onEvent("session:degraded", { degraded: false });
  assert(!stateOf(s.connection, "connected").degraded);
  assert.equal(s.log.filter((line) => line === "resync:degraded").length, 1);
});

Deno.test("subscribe() tells the state now and after every change", async () => {
  using s = stage();
  const seen: string[] = [];
  const unsubscribe = s.connection.subscribe(({ status }) => seen.push(status));
  await s.establish();
  unsubscribe();
  s.connection.disconnect();
  assert.deepEqual([...new Set(seen)], ["disconnected", "connecting", "connected"]);
});

Deno.test("history keeps the last 50 changes with cause and time", async () => {
  using s = stage();
  await s.establish();
  for (let round = 0; round < 20; round++) {
    s.transport.lose();
    s.connection.reconnect();
    await settle();
    s.transport.ready();
  }
  s.transport.lose("ping timeout");
  assert.equal(s.connection.history.length, 50);
  assert.deepEqual(s.connection.history.at(-1), {
    at: s.clock.now(),
    from: "connected",
    to: "reconnecting",
    event: "closed",
    cause: { kind: "lost", message: "ping timeout" },
  });
});

Deno.test("dispose() leaves no timer, no line, no listener, and makes every call harmless", async () => {
  const abort = new AbortController();
  using s = stage({ signal: abort.signal });
  await s.establish();
  s.transport.obliging = false;
  const request = assert.rejects(s.connection.request("presence:list", {}), { code: "disconnected" });
  abort.abort();
  await request;
  assert.equal(s.clock.timers(), 0);
  assert.equal(s.transport.isOpen, false);
  assert.equal(s.environment.listeners.size, 0);
  assert.equal(s.connection.state.status, "disconnected");
  const told = s.log.length;
  s.connection.connect();
  s.connection.reconnect();
  s.connection.dispose();
  await assert.rejects(s.connection.request("presence:list", {}), { code: "disconnected" });
  await s.clock.advance(60_000);
  assert.equal(s.log.length, told);
  assert.equal(s.transport.tokens.length, 1);
});

Deno.test("on() keeps the names of the lifecycle from a server that uses them", async () => {
  using s = stage();
  await s.establish();
  const told = s.log.length;
  const stop = s.connection.on("state", () => assert.fail("the server does not speak for the connection"));
  for (const name of ["state", "resync", "reconnect", "reconnect_failed", "connect_error"]) {
    s.transport.handlers?.onEvent(name, {});
  }
  stop();
  assert.equal(s.log.length, told);
});

Deno.test("on() stops at once, also between two listeners of one event", async () => {
  using s = stage();
  await s.establish();
  s.connection.on("usage", () => stop());
  const stop = s.connection.on("usage", () => assert.fail("stopped by the one before"));
  s.transport.handlers?.onEvent("usage", { models: [] });
});

Deno.test("createConnection() refuses numbers that are none, and is over at once when its signal is", () => {
  for (const bad of [{ maxAttempts: -1 }, { connectTimeoutMs: NaN }, { outbox: { maxCount: -1 } }]) {
    assert.throws(() => stage(bad), RangeError);
  }
  using s = stage({ signal: AbortSignal.abort() });
  s.connection.connect();
  assert.equal(s.connection.state.status, "disconnected");
  assert.equal(s.environment.listeners.size, 0);
});

Deno.test("connection pauses offline and for a page put away, and comes back at once", async () => {
  using s = stage();
  await s.establish();
  s.environment.isOnline = false;
  s.transport.lose();
  assert.equal(stateOf(s.connection, "reconnecting").phase, "paused");
  await s.clock.advance(60_000);
  assert.equal(s.transport.tokens.length, 1);
  s.environment.tell("online");
  await settle();
  s.transport.ready();
  stateOf(s.connection, "connected");

  s.environment.tell("suspend");
  assert.equal(stateOf(s.connection, "reconnecting").cause.kind, "page");
  assert.deepEqual(s.transport.ends, ["drop"]);
  assert.equal(s.clock.timers(), 0);
  s.environment.tell("resume");
  await settle();
  s.transport.ready({ recovered: true });
  assert(stateOf(s.connection, "connected").recovered);
});

Deno.test("connection tries at once when the page becomes visible, also one that was not said to resume", async () => {
  using s = stage();
  await s.establish();
  s.transport.lose();
  s.environment.tell("visible");
  await settle();
  assert.equal(s.transport.tokens.length, 2);
  s.environment.tell("suspend");
  s.environment.tell("visible");
  await settle();
  assert.equal(s.transport.tokens.length, 3);
});
