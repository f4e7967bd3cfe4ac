/** Bounded time and memory for clients that vanish, stall, flood, or read too slowly. */
import assert from "node:assert/strict";
import FakeTimers from "@sinonjs/fake-timers";
import type { CloseReason, EngineSocket } from "../../lib/engine/mod.ts";
import { FAST, serveEcho, serveSocketIo, type TestServer } from "../support/engine_server.ts";
import { openPolling, openWebSocket } from "../support/engine_raw.ts";
import { openDeafWebSocket, readUntil, sendRaw } from "../support/engine_tcp.ts";

function nextSession({ engine }: TestServer): Promise<EngineSocket> {
  return new Promise((resolve) => {
    const once = (socket: EngineSocket): void => {
      engine.off("connection", once);
      resolve(socket);
    };
    engine.on("connection", once);
  });
}

function ended(socket: EngineSocket): Promise<CloseReason> {
  return new Promise((resolve) => socket.on("close", resolve));
}

Deno.test("a client that vanishes without a close frame is noticed at once", async () => {
  await using server = serveEcho({ pingIntervalMs: 25_000 });
  const session = nextSession(server);
  const connection = await openDeafWebSocket(server.port, "/engine.io/");
  const reason = ended(await session);
  connection.close();
  assert.equal(await reason, "transport close");
  assert.equal(server.engine.clientsCount, 0);
});

Deno.test("a half-open connection is ended by the heartbeat", async () => {
  await using server = serveEcho(FAST);
  const session = nextSession(server);
  using _connection = await openDeafWebSocket(server.port, "/engine.io/");
  assert.equal(await ended(await session), "ping timeout");
  assert.equal(server.engine.clientsCount, 0);
});

Deno.test("a polling client that never comes back is ended by the heartbeat", async () => {
  await using server = serveEcho(FAST);
  const session = nextSession(server);
  await openPolling(server.http);
  assert.equal(await ended(await session), "ping timeout");
});

for (const frame of ["6", "3", "4hello"]) {
  Deno.test(`a client that sends too many frames (${frame}) is ended, and another goes on`, async () => {
    await using server = serveEcho({ pingIntervalMs: 25_000, framesPerSecond: 5 });
    await using calm = await openWebSocket(server.ws);
    const session = nextSession(server);
    const hostile = await openWebSocket(server.ws);
    const reason = ended(await session);
    for (let sent = 0; sent <= 100; sent++) hostile.send(frame);
    assert.equal(await reason, "too many frames");
    assert.equal((await hostile.closed).code, 1008);
    calm.send("4here");
    assert.equal(await calm.next(), "4here");
  });
}

Deno.test("a client that sends as many frames over a longer time is not ended", async () => {
  const clock = FakeTimers.install({ toFake: ["performance"] });
  try {
    await using server = serveEcho({ pingIntervalMs: 100_000, framesPerSecond: 5 });
    await using socket = await openWebSocket(server.ws);
    for (let burst = 0; burst < 3; burst++) {
      for (let sent = 0; sent < 99; sent++) socket.send("6");
      socket.send("4read");
      assert.equal(await socket.next(), "4read");
      clock.tick(20_000);
    }
  } finally {
    clock.uninstall();
  }
});

Deno.test("a POST that never finishes is given up after bodyTimeoutMs, and its session with it", async () => {
  await using server = serveEcho({ pingIntervalMs: 25_000, bodyTimeoutMs: 50 });
  const session = nextSession(server);
  const { handshake } = await openPolling(server.http);
  const reason = ended(await session);
  using connection = await sendRaw(
    server.port,
    `POST /engine.io/?EIO=4&transport=polling&sid=${handshake.sid} HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n4hel`,
  );
  assert.match(await readUntil(connection, "}"), /^HTTP\/1\.1 408 /);
  assert.equal(await reason, "transport error");
});

Deno.test("a POST whose client vanishes in the middle ends the session", async () => {
  await using server = serveEcho({ pingIntervalMs: 25_000 });
  const session = nextSession(server);
  const { handshake } = await openPolling(server.http);
  const reason = ended(await session);
  const connection = await sendRaw(
    server.port,
    `POST /engine.io/?EIO=4&transport=polling&sid=${handshake.sid} HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n4hel`,
  );
  connection.close();
  assert.equal(await reason, "transport error");
});

Deno.test("a body over maxPayload gets 413, whether it says its length or not", async () => {
  await using server = serveEcho({ pingIntervalMs: 25_000, maxPayload: 1_000 });
  const bodies = [
    () => "4".repeat(1_001),
    () => new Blob(["4" + "é".repeat(500)]),
    () => new Blob(["4".repeat(600), "4".repeat(600)]).stream(),
  ];
  for (const body of bodies) {
    const session = nextSession(server);
    const polling = await openPolling(server.http);
    const reason = ended(await session);
    assert.equal((await polling.post(body())).status, 413);
    assert.equal(await reason, "payload too large");
  }
  const polling = await openPolling(server.http);
  assert.equal((await polling.post("4".repeat(1_000))).status, 200);
});

Deno.test("a body that claims to be huge is refused before it is sent", async () => {
  await using server = serveEcho({ pingIntervalMs: 25_000 });
  const { handshake } = await openPolling(server.http);
  using connection = await sendRaw(
    server.port,
    `POST /engine.io/?EIO=4&transport=polling&sid=${handshake.sid} HTTP/1.1\r\nHost: x\r\n` +
      "Content-Length: 99999999999\r\n\r\n4",
  );
  assert.match(await readUntil(connection, "}"), /^HTTP\/1\.1 413 /);
});

Deno.test("a frame over maxPayload closes the WebSocket with 1009, counted in bytes", async () => {
  await using server = serveEcho({ pingIntervalMs: 25_000, maxPayload: 1_000 });
  for (const frame of ["4" + "x".repeat(1_000), "4" + "é".repeat(500), new Uint8Array(1_001)]) {
    const session = nextSession(server);
    const socket = await openWebSocket(server.ws);
    const reason = ended(await session);
    socket.send(frame);
    assert.equal((await socket.closed).code, 1009);
    assert.equal(await reason, "payload too large");
  }
  await using socket = await openWebSocket(server.ws);
  for (const frame of ["4" + "x".repeat(999), "4" + "é".repeat(499)]) {
    socket.send(frame);
    assert.equal(await socket.next(), frame);
  }
});

Deno.test("who listens for what is too large sees its head, decides, and has the last word", async () => {
  await using server = serveEcho({ pingIntervalMs: 25_000, maxPayload: 1_000 });
  const heads: string[] = [];
  const opening = nextSession(server);
  await using socket = await openWebSocket(server.ws);
  (await opening).on("oversized", (head) => heads.push(head));
  for (const frame of ["4head " + "x".repeat(1_000), new Uint8Array(1_001), "4small"]) socket.send(frame);
  assert.equal(await socket.next(), "4small");
  assert.deepEqual(heads.map((head) => head.slice(0, 5)), ["head ", ""]);
  assert.ok(heads[0]!.length < 300);

  const session = nextSession(server);
  const polling = await openPolling(server.http);
  const owner = await session;
  owner.on("oversized", () => {
    owner.write("too large");
    owner.close();
  });
  const poll = polling.poll(), post = polling.post("4".repeat(1_001));
  assert.equal((await poll).text, "4too large");
  assert.equal((await polling.poll()).text, "1");
  assert.equal((await post).status, 413);
});

Deno.test("a flood of headers is refused and opens no session", async () => {
  await using server = serveEcho();
  const flood = Array.from({ length: 5_000 }, (_, i) => `X-${i}: ${"y".repeat(200)}\r\n`).join("");
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  const request = `GET /engine.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n${flood}\r\n`;
  const written = connection.write(new TextEncoder().encode(request)).catch(() => {});
  assert.doesNotMatch(await readUntil(connection, "\r\n\r\n"), /^HTTP\/1\.1 200/);
  connection.close();
  await written;
  assert.equal(server.engine.clientsCount, 0);
});

Deno.test("a WebSocket client that does not read is told and ended once its buffer is over the bound", async () => {
  await using server = serveEcho({ pingIntervalMs: 25_000, sendBufferBytes: 100_000 });
  const opened = nextSession(server);
  using connection = await openDeafWebSocket(server.port, "/engine.io/");
  const session = await opened;
  const reason = ended(session);
  const slow = new Promise<number>((resolve) =>
    session.on("slow", (bufferedBytes) => {
      session.write("the last word");
      resolve(bufferedBytes);
    })
  );
  const chunk = "x".repeat(50_000);
  const feeder = setInterval(() => session.write(chunk), 1);
  const buffered = await slow;
  assert.ok(buffered > 100_000 && buffered < 700_000, `${buffered} bytes were buffered`);
  assert.equal(await reason, "slow consumer");
  clearInterval(feeder);
  // what Deno had taken still arrives, then the last word, then the close frame
  assert.ok((await readUntil(connection, "the last word")).includes("4the last word"));
});

Deno.test("Socket.IO says an event to a slow client before it is ended", async () => {
  await using server = serveSocketIo({ pingIntervalMs: 25_000, sendBufferBytes: 10_000 });
  const ending = new Promise<string>((resolve) =>
    server.io.on("connection", (socket) => {
      socket.conn.on("slow", () => {
        socket.emit("session:end", { code: "session/slow" });
        socket.disconnect(true);
      });
      socket.on("disconnect", resolve);
      // more than the kernel and Deno take together
      for (let i = 0; socket.connected && i < 1_000; i++) socket.emit("filler", "x".repeat(10_000));
    })
  );
  using connection = await openDeafWebSocket(server.port, "/socket.io/");
  // the frame "40" of a client, masked with zeros
  await connection.write(Uint8Array.of(0x81, 0x82, 0, 0, 0, 0, 0x34, 0x30));
  assert.equal(await ending, "server namespace disconnect");
  assert.match(await readUntil(connection, "session/slow"), /42\["session:end",\{"code":"session\/slow"\}\]/);
  assert.equal(server.engine.clientsCount, 0);
});

Deno.test("a polling client that does not poll is ended once its buffer is over the bound", async () => {
  await using server = serveEcho({ pingIntervalMs: 25_000, sendBufferBytes: 1_000, closeTimeoutMs: 5_000 });
  const opened = nextSession(server);
  const polling = await openPolling(server.http);
  const session = await opened;
  const reason = ended(session);
  const slow = new Promise<void>((resolve) =>
    session.on("slow", () => {
      session.write("the last word");
      resolve();
    })
  );
  session.write("x".repeat(1_500));
  await slow;
  assert.equal((await polling.poll()).text, "4the last word");
  assert.equal((await polling.poll()).text, "1");
  assert.equal(await reason, "slow consumer");
});

Deno.test("no burst of one turn gets past four times the bound", async () => {
  await using server = serveEcho({ pingIntervalMs: 25_000, sendBufferBytes: 10_000 });
  const opened = nextSession(server);
  using _connection = await openDeafWebSocket(server.port, "/engine.io/");
  const session = await opened;
  const reason = ended(session);
  let written = 0;
  while (session.readyState === "open") written += session.write("x".repeat(1_000)) ? 1 : 0;
  assert.ok(written < 100, `${written} messages were taken`);
  assert.equal(await reason, "slow consumer");
});

Deno.test("a burst that the client does read is no reason to end it", async () => {
  await using server = serveEcho({ pingIntervalMs: 25_000, sendBufferBytes: 1_000_000 });
  const opened = nextSession(server);
  await using socket = await openWebSocket(server.ws);
  const session = await opened;
  for (let i = 0; i < 95; i++) session.write(`${i} ${"x".repeat(10_000)}`);
  for (let i = 0; i < 95; i++) assert.ok(String(await socket.next()).startsWith(`4${i} `));
  assert.equal(session.readyState, "open");
  assert.equal(session.bufferedBytes, 0);
});

Deno.test("volatile events are dropped first, and the others arrive in order", async () => {
  await using server = serveSocketIo({ pingIntervalMs: 25_000, sendBufferBytes: 1_000_000 });
  const connected = new Promise<import("socket.io").Socket>((resolve) => server.io.on("connection", resolve));
  await using socket = await openWebSocket(server.ws);
  socket.send("40");
  const peer = await connected;
  await socket.next();
  await socket.next();
  const padding = "x".repeat(50_000);
  for (let i = 0; i < 12; i++) {
    peer.emit("kept", i, padding);
    peer.volatile.emit("dropped", i, padding);
  }
  const kept: number[] = [], dropped: number[] = [];
  while (kept.length < 12) {
    const [name, i] = JSON.parse(String(await socket.next()).slice(2));
    (name === "kept" ? kept : dropped).push(i);
  }
  assert.deepEqual(kept, Array.from({ length: 12 }, (_, i) => i));
  assert.ok(dropped.length > 0 && dropped.length < 12, `${dropped.length} volatile events arrived`);
});
