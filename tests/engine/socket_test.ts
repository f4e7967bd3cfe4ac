/** A session's events, callbacks and closing, and the heartbeat on fake time. */
import assert from "node:assert/strict";
import FakeTimers from "@sinonjs/fake-timers";
import { createEngine, type EngineOptions, type EngineSocket } from "../../lib/engine/mod.ts";
import { serveEcho } from "../support/engine_server.ts";
import { openWebSocket, RawSocket } from "../support/engine_raw.ts";

const INFO = { remoteAddr: { transport: "tcp", hostname: "127.0.0.1", port: 1 } } as const;
const BASE = "http://127.0.0.1/engine.io/?EIO=4&transport=polling";

/** A polling session without a network. */
async function openInProcess(options: EngineOptions = {}) {
  const engine = createEngine(options);
  const opened = new Promise<EngineSocket>((resolve) => engine.on("connection", resolve));
  const response = await engine.handle(new Request(BASE), INFO);
  const { sid } = JSON.parse((await response.text()).slice(1));
  const request = (init?: RequestInit) => engine.handle(new Request(`${BASE}&sid=${sid}`, init), INFO);
  return {
    engine,
    session: await opened,
    poll: async () => await (await request()).text(),
    post: async (body: string) => (await request({ method: "POST", body })).status,
  };
}

Deno.test("heartbeat: pings at the interval, forgives until the timeout, and then ends the session", async () => {
  const clock = FakeTimers.install({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  try {
    const { session, poll, post } = await openInProcess({ pingIntervalMs: 25_000, pingTimeoutMs: 20_000 });
    const reasons: string[] = [];
    let beats = 0;
    session.on("close", (reason) => reasons.push(reason)).on("heartbeat", () => beats++);
    for (let round = 1; round <= 3; round++) {
      const waiting = poll();
      await clock.tickAsync(25_250);
      assert.equal(await waiting, "2");
      await clock.tickAsync(19_000);
      assert.equal(await post("3"), 200);
      assert.equal(beats, round);
    }
    await clock.tickAsync(25_250);
    assert.equal(await poll(), "2");
    await clock.tickAsync(19_700);
    assert.deepEqual(reasons, []);
    await clock.tickAsync(550);
    assert.deepEqual(reasons, ["ping timeout"]);
    assert.equal(clock.countTimers(), 0);
  } finally {
    clock.uninstall();
  }
});

Deno.test("heartbeat: a request that comes after the timeout finds the session gone, however late the timer is", async () => {
  const clock = FakeTimers.install({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  try {
    const { engine, post } = await openInProcess({ pingIntervalMs: 300, pingTimeoutMs: 200 });
    clock.setSystemTime(0);
    await clock.tickAsync(303);
    await clock.tickAsync(200);
    assert.equal(await post("4late"), 400);
    assert.equal(engine.clientsCount, 0);
  } finally {
    clock.uninstall();
  }
});

Deno.test("heartbeat: a listener that throws does not stop the heart of the other sessions", async () => {
  const clock = FakeTimers.install({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  try {
    const engine = createEngine({ pingIntervalMs: 300, pingTimeoutMs: 200 });
    const reasons: string[] = [];
    engine.on("connection", (session) => {
      session.on("close", (reason) => {
        reasons.push(reason);
        if (reasons.length === 1) throw new Error("a careless listener");
      });
    });
    for (let i = 0; i < 3; i++) {
      await (await engine.handle(new Request(BASE), INFO)).text();
      clock.tick(50);
    }
    assert.throws(() => clock.tick(500), /a careless listener/);
    clock.tick(1_000);
    assert.deepEqual(reasons, ["ping timeout", "ping timeout", "ping timeout"]);
    assert.equal(engine.clientsCount, 0);
  } finally {
    clock.uninstall();
  }
});

Deno.test("heartbeat: a pong that was not asked for changes nothing", async () => {
  const { engine, session, post } = await openInProcess();
  let beats = 0;
  session.on("heartbeat", () => beats++);
  assert.equal(await post("3"), 200);
  assert.equal(beats, 0);
  session.close(true);
  await engine.close();
});

Deno.test("write(): announces the packet, queues it, and calls back once a poll took it", async () => {
  const { session, poll } = await openInProcess();
  const seen: unknown[] = [];
  session.on("packetCreate", ({ type, data }) => seen.push(["create", type, data]));
  session.on("flush", (packets) => seen.push(["flush", ...packets.map(({ data }) => data)]));
  session.on("drain", () => seen.push("drain"));
  assert.equal(session.transport.writable, false);
  session.write("one", null, () => seen.push("sent one"));
  session.write(new Uint8Array([1]).buffer, {}, () => seen.push("sent two"));
  assert.equal(session.bufferedBytes, 4 + 1);
  assert.equal(await poll(), "4one\x1ebAQ==");
  assert.equal(session.bufferedBytes, 0);
  assert.deepEqual(seen.map((each) => Array.isArray(each) ? each[0] : each), [
    "create",
    "create",
    "flush",
    "drain",
    "sent one",
    "sent two",
  ]);
  session.close(true);
});

Deno.test("write(): over WebSocket it calls back too, and every view of bytes keeps its bounds", async () => {
  await using server = serveEcho({ pingIntervalMs: 25_000 });
  const opened = new Promise<EngineSocket>((resolve) => server.engine.on("connection", resolve));
  await using socket = await openWebSocket(server.ws);
  const session = await opened;
  const bytes = Uint8Array.of(0, 1, 2, 3, 4, 5);
  await new Promise<void>((resolve) => session.write(new DataView(bytes.buffer, 1, 2), {}, resolve));
  assert.deepEqual([...new Uint8Array(await socket.next() as ArrayBuffer)], [1, 2]);
  session.write(bytes.subarray(4));
  assert.deepEqual([...new Uint8Array(await socket.next() as ArrayBuffer)], [4, 5]);
});

Deno.test("packet: every packet that arrives is told, with its type", async () => {
  const { session, post } = await openInProcess();
  const types: string[] = [];
  session.on("packet", ({ type }) => types.push(type));
  await post("4a\x1ebAQ==\x1e6\x1e1");
  assert.deepEqual(types, ["message", "message", "noop", "close"]);
  assert.equal(session.readyState, "closed");
});

Deno.test("close(): what is queued goes out first, then the goodbye, then nothing", async () => {
  const { session, engine, poll } = await openInProcess();
  const reasons: string[] = [];
  session.on("close", (reason) => reasons.push(reason));
  session.write("queued");
  session.close();
  session.close();
  session.write("too late");
  assert.equal(session.readyState, "closing");
  assert.equal(await poll(), "4queued");
  assert.equal(await poll(), "1");
  assert.deepEqual(reasons, ["forced close"]);
  assert.equal(engine.clientsCount, 0);
});

Deno.test("close(): a client that does not fetch the rest is given up after closeTimeoutMs", async () => {
  const clock = FakeTimers.install({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  try {
    const { session, engine } = await openInProcess({ closeTimeoutMs: 1_000 });
    session.write("queued");
    const closed = engine.close();
    await clock.tickAsync(999);
    assert.equal(engine.clientsCount, 1);
    await clock.tickAsync(1);
    await closed;
    assert.equal(engine.clientsCount, 0);
    assert.equal(clock.countTimers(), 0);
  } finally {
    clock.uninstall();
  }
});

Deno.test("close(): over WebSocket the last message arrives before the close frame", async () => {
  await using server = serveEcho({ pingIntervalMs: 25_000 });
  server.engine.on("connection", (session) => {
    session.on("data", () => {
      session.write("x".repeat(600_000));
      session.write("last");
      session.close();
    });
  });
  const socket = await openWebSocket(server.ws);
  socket.send("4go");
  assert.equal(await socket.next(), "4go");
  assert.equal(String(await socket.next()).length, 600_001);
  assert.equal(await socket.next(), "4last");
  assert.equal((await socket.closed).code, 1000);
});

Deno.test("close(): a WebSocket that is never silent is closed after closeTimeoutMs", async () => {
  await using server = serveEcho({ pingIntervalMs: 25_000, closeTimeoutMs: 200 });
  server.engine.on("connection", (session) => session.once("data", () => session.close()));
  const socket = await openWebSocket(server.ws);
  const sending = setInterval(() => socket.send("4more"), 1);
  assert.equal((await socket.closed).code, 1000);
  clearInterval(sending);
  assert.equal(server.engine.clientsCount, 0);
});

Deno.test("upgrade: the session tells of it, and closing it while it is probed closes both", async () => {
  await using server = serveEcho({ pingIntervalMs: 25_000 });
  const opened = new Promise<EngineSocket>((resolve) => server.engine.on("connection", resolve));
  const handshake = await (await fetch(`${server.http}?EIO=4&transport=polling`)).text();
  const session = await opened;
  const seen: string[] = [];
  session.on("upgrading", ({ name }) => seen.push(`upgrading ${name}`)).on(
    "upgrade",
    ({ name }) => seen.push(name),
  );
  const socket = new RawSocket(
    `${server.ws}?EIO=4&transport=websocket&sid=${JSON.parse(handshake.slice(1)).sid}`,
  );
  socket.send("2probe");
  assert.equal(await socket.next(), "3probe");
  assert.deepEqual(seen, ["upgrading websocket"]);
  session.close(true);
  await socket.closed;
  assert.equal(server.engine.clientsCount, 0);
});
