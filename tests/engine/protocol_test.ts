/** What the Engine.IO 4 protocol document asks for, spoken by hand to an echo server. */
import assert from "node:assert/strict";
import { FAST, serveEcho, type TestServer } from "../support/engine_server.ts";
import { handshakeOf, openPolling, openWebSocket, RawSocket, request } from "../support/engine_raw.ts";

function protocolTest(name: string, body: (server: TestServer) => Promise<void>): void {
  Deno.test(name, async () => {
    await using server = serveEcho(/handshake|without a pong/.test(name) ? FAST : {});
    await body(server);
    assert.ok(server.engine.clientsCount <= 1, "a session leaked");
  });
}

const EXPECTED = {
  pingInterval: FAST.pingIntervalMs,
  pingTimeout: FAST.pingTimeoutMs,
  maxPayload: 1_000_000,
};

async function refusal(url: string, init?: RequestInit): Promise<[number, number]> {
  const { status, text } = await request(url, init);
  return [status, JSON.parse(text).code];
}

async function closedBeforeOpen(url: string): Promise<void> {
  const socket = new RawSocket(url);
  await socket.closed;
}

/** The server takes the WebSocket and closes it: an HTTP error would look like a server in trouble. */
async function openedAndClosed(url: string): Promise<void> {
  const socket = new RawSocket(url);
  assert.equal((await socket.closed).code, 1000);
}

protocolTest("handshake: polling opens a session that may upgrade", async ({ http }) => {
  const { handshake: { sid, ...rest } } = await openPolling(http);
  assert.equal(typeof sid, "string");
  assert.deepEqual(rest, { upgrades: ["websocket"], ...EXPECTED });
});

protocolTest("handshake: WebSocket opens a session that has nowhere to upgrade to", async ({ ws }) => {
  await using socket = await openWebSocket(ws);
  const { sid, ...rest } = socket.handshake;
  assert.equal(typeof sid, "string");
  assert.deepEqual(rest, { upgrades: [], ...EXPECTED });
});

protocolTest("handshake: code 0 refuses an unknown transport, or none", async ({ http }) => {
  assert.deepEqual(await refusal(`${http}?EIO=4`), [400, 0]);
  assert.deepEqual(await refusal(`${http}?EIO=4&transport=webtransport`), [400, 0]);
});

protocolTest("handshake: code 1 refuses an unknown session", async ({ http, ws }) => {
  assert.deepEqual(await refusal(`${http}?EIO=4&transport=polling&sid=nobody`), [400, 1]);
  assert.deepEqual(
    await refusal(`${http}?EIO=4&transport=polling&sid=nobody`, { method: "POST", body: "4" }),
    [400, 1],
  );
  assert.deepEqual(await refusal(`${http}?EIO=4&transport=polling&sid=`), [400, 1]);
  await closedBeforeOpen(`${ws}?EIO=4&transport=websocket&sid=nobody`);
});

protocolTest("handshake: code 2 refuses every method but GET", async ({ http }) => {
  for (const method of ["POST", "PUT", "DELETE", "PATCH"]) {
    assert.deepEqual(await refusal(`${http}?EIO=4&transport=polling`, { method }), [400, 2], method);
  }
});

protocolTest("handshake: code 3 refuses a transport that does not come as itself", async ({ http, ws }) => {
  assert.deepEqual(await refusal(`${http}?EIO=4&transport=websocket`), [400, 3]);
  await closedBeforeOpen(`${ws}?EIO=4&transport=polling`);
});

protocolTest("handshake: code 5 refuses other revisions and says so in words", async ({ http, ws }) => {
  for (const revision of ["", "&EIO=3", "&EIO=5", "&EIO=abc"]) {
    const { status, text } = await request(`${http}?transport=polling${revision}`);
    assert.equal(status, 400);
    const { code, message } = JSON.parse(text);
    assert.equal(code, 5);
    assert.match(message, /^Unsupported protocol version: .*Engine\.IO 4/);
  }
  await closedBeforeOpen(`${ws}?transport=websocket`);
  await closedBeforeOpen(`${ws}?EIO=3&transport=websocket`);
});

protocolTest("polling: text packets come back, several in one payload", async ({ http }) => {
  const session = await openPolling(http);
  assert.deepEqual(await session.post("4hello"), { status: 200, text: "ok" });
  assert.deepEqual(await session.poll(), { status: 200, text: "4hello" });
  assert.equal((await session.post("4one\x1e4two\x1e4")).status, 200);
  assert.equal((await session.poll()).text, "4one\x1e4two\x1e4");
});

protocolTest(
  "polling: a poll waits for the packet, and those of one turn come together",
  async ({ http, engine }) => {
    engine.on("connection", (socket) => socket.on("data", () => socket.write("and more")));
    const session = await openPolling(http);
    const waiting = session.poll();
    await session.post("4hello");
    assert.equal((await waiting).text, "4hello\x1e4and more");
  },
);

protocolTest("polling: binary travels as base64 beside text", async ({ http }) => {
  const session = await openPolling(http);
  assert.equal((await session.post("4hello\x1ebAQIDBA==")).status, 200);
  assert.equal((await session.poll()).text, "4hello\x1ebAQIDBA==");
});

protocolTest("polling: text outside of ASCII survives", async ({ http }) => {
  const session = await openPolling(http);
  await session.post("4héé 🦕");
  assert.equal((await session.poll()).text, "4héé 🦕");
});

for (const bad of ["abc", "", "2", "0{}", "5", "9", "4ok\x1e", "b!!!", "\x1e4late"]) {
  protocolTest(`polling: the payload ${JSON.stringify(bad)} closes the session`, async ({ http, engine }) => {
    const session = await openPolling(http);
    assert.equal((await session.post(bad)).status, 400);
    assert.deepEqual(await refusal(session.url), [400, 1]);
    assert.equal(engine.clientsCount, 0);
  });
}

protocolTest("polling: a second GET at once closes the session", async ({ http }) => {
  const session = await openPolling(http);
  const first = session.poll(), second = session.poll();
  const [one, two] = await Promise.all([first, second]);
  const [told, refused] = one.status === 200 ? [one, two] : [two, one];
  assert.deepEqual(told, { status: 200, text: "1" });
  assert.equal(refused.status, 400);
  assert.equal((await session.poll()).status, 400);
});

protocolTest("polling: a second POST at once closes the session", async ({ http }) => {
  const session = await openPolling(http);
  const { writable, readable } = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>();
  const writer = writable.getWriter();
  const first = session.post(readable).catch(() => ({ status: 400 }));
  await writer.write(new TextEncoder().encode("4he"));
  assert.equal((await session.post("4hello")).status, 400);
  await writer.close().catch(() => {});
  assert.equal((await first).status, 400);
  assert.equal((await session.poll()).status, 400);
});

protocolTest("polling: a poll that its client gives up closes the session", async ({ http, engine }) => {
  const session = await openPolling(http);
  const closed = new Promise((resolve) => engine.on("connection", (socket) => socket.on("close", resolve)));
  const next = await openPolling(http);
  await session.post("1");
  const abort = new AbortController();
  const poll = next.poll(abort.signal).catch(() => "gone");
  await next.post("4seen");
  assert.notEqual(await poll, "gone");
  const waiting = next.poll(abort.signal).catch(() => "gone");
  setTimeout(() => abort.abort(), 5);
  assert.equal(await waiting, "gone");
  assert.equal(await closed, "transport close");
  assert.deepEqual(await refusal(next.url), [400, 1]);
});

protocolTest("polling: methods other than GET and POST are refused and change nothing", async ({ http }) => {
  const session = await openPolling(http);
  assert.deepEqual(await refusal(session.url, { method: "PUT", body: "4" }), [400, 3]);
  assert.equal((await session.post("4still here")).status, 200);
});

protocolTest("WebSocket: text and binary come back as they went", async ({ ws }) => {
  await using socket = await openWebSocket(ws);
  socket.send("4hello");
  assert.equal(await socket.next(), "4hello");
  socket.send(Uint8Array.of(1, 2, 3, 4));
  assert.deepEqual(await socket.next(), Uint8Array.of(1, 2, 3, 4).buffer);
  socket.send("4");
  assert.equal(await socket.next(), "4");
});

for (const bad of ["abc", "", "2", "0{}", "5", "b!", "7"]) {
  protocolTest(`WebSocket: the frame ${JSON.stringify(bad)} closes the session`, async ({ ws, engine }) => {
    const socket = await openWebSocket(ws);
    socket.send(bad);
    await socket.closed;
    assert.equal(engine.clientsCount, 0);
  });
}

protocolTest("heartbeat: the server pings, and pongs keep a polling session", async ({ http }) => {
  const session = await openPolling(http);
  for (let i = 0; i < 3; i++) {
    assert.equal((await session.poll()).text, "2");
    assert.equal((await session.post("3")).status, 200);
  }
});

protocolTest("heartbeat: the server pings, and pongs keep a WebSocket session", async ({ ws }) => {
  await using socket = await openWebSocket(ws);
  for (let i = 0; i < 3; i++) {
    assert.equal(await socket.next(), "2");
    socket.send("3");
  }
});

protocolTest("heartbeat: a polling session without a pong is over when the timeout is", async ({ http }) => {
  const session = await openPolling(http);
  assert.equal((await session.poll()).text, "2");
  assert.equal((await session.poll()).text, "1");
  assert.deepEqual(await refusal(session.url), [400, 1]);
});

protocolTest(
  "heartbeat: a WebSocket session without a pong is closed, messages or not",
  async ({ ws, engine }) => {
    const reason = new Promise((resolve) => engine.on("connection", (socket) => socket.on("close", resolve)));
    const socket = await openWebSocket(ws);
    assert.equal(await socket.next(), "2");
    socket.send("4not a pong");
    await socket.closed;
    assert.equal(await reason, "ping timeout");
  },
);

protocolTest("close: the client's packet ends a polling session and frees its poll", async ({ http }) => {
  const session = await openPolling(http);
  const waiting = session.poll();
  assert.equal((await session.post("1")).status, 200);
  assert.match((await waiting).text, /^[6]$/);
  assert.equal((await session.poll()).status, 400);
});

protocolTest("close: the client's packet ends a WebSocket session", async ({ ws }) => {
  const socket = await openWebSocket(ws);
  socket.send("1");
  await socket.closed;
});

protocolTest("upgrade: probe, noop to the poll, and the session goes on", async ({ http, ws }) => {
  const session = await openPolling(http);
  await using socket = new RawSocket(`${ws}?EIO=4&transport=websocket&sid=${session.handshake.sid}`);
  const waiting = session.poll();
  socket.send("2probe");
  assert.equal(await socket.next(), "3probe");
  assert.equal((await waiting).text, "6");
  assert.equal((await session.poll()).text, "6");
  socket.send("5");
  socket.send("4hello");
  assert.equal(await socket.nextBeside(), "4hello");
});

protocolTest(
  "upgrade: what was queued for polling leaves by the WebSocket, in order",
  async ({ http, ws }) => {
    const session = await openPolling(http);
    await using socket = new RawSocket(`${ws}?EIO=4&transport=websocket&sid=${session.handshake.sid}`);
    socket.send("2probe");
    assert.equal(await socket.next(), "3probe");
    await session.post("4one\x1e4two");
    socket.send("5");
    socket.send("4three");
    for (const expected of ["4one", "4two", "4three"]) assert.equal(await socket.nextBeside(), expected);
  },
);

protocolTest("upgrade: afterwards polling is refused, and the session unharmed", async ({ http, ws }) => {
  const session = await openPolling(http);
  await using socket = new RawSocket(`${ws}?EIO=4&transport=websocket&sid=${session.handshake.sid}`);
  socket.send("2probe");
  assert.equal(await socket.next(), "3probe");
  socket.send("5");
  socket.send("4done");
  assert.equal(await socket.nextBeside(), "4done");
  assert.deepEqual(await refusal(session.url), [400, 3]);
  assert.deepEqual(await refusal(session.url, { method: "POST", body: "4" }), [400, 3]);
  await openedAndClosed(`${ws}?EIO=4&transport=websocket&sid=${session.handshake.sid}`);
  socket.send("4still");
  assert.equal(await socket.nextBeside(), "4still");
});

protocolTest("upgrade: a poll sent right after its last frame is refused", async ({ http, ws }) => {
  for (let round = 0; round < 20; round++) {
    const session = await openPolling(http);
    const socket = new RawSocket(`${ws}?EIO=4&transport=websocket&sid=${session.handshake.sid}`);
    socket.send("2probe");
    assert.equal(await socket.next(), "3probe");
    socket.send("5");
    assert.deepEqual(await refusal(session.url), [400, 3]);
    socket.send("1");
    await socket.closed;
  }
});

protocolTest("upgrade: a second one at the same time is refused", async ({ http, ws }) => {
  const session = await openPolling(http);
  const url = `${ws}?EIO=4&transport=websocket&sid=${session.handshake.sid}`;
  await using socket = new RawSocket(url);
  socket.send("2probe");
  assert.equal(await socket.next(), "3probe");
  await openedAndClosed(url);
  socket.send("5");
  socket.send("4mine");
  assert.equal(await socket.nextBeside(), "4mine");
});

for (const bad of ["5", "4hello", "2", "nonsense"]) {
  protocolTest(
    `upgrade: ${JSON.stringify(bad)} in place of the probe fails it, and polling goes on`,
    async ({ http, ws }) => {
      const session = await openPolling(http);
      const socket = new RawSocket(`${ws}?EIO=4&transport=websocket&sid=${session.handshake.sid}`);
      socket.send(bad);
      await socket.closed;
      await session.post("4still polling");
      assert.match((await session.poll()).text, /^4still polling|^2/);
    },
  );
}

Deno.test("upgrade: one that is not completed in time is closed, and another may follow", async () => {
  await using server = serveEcho({ pingIntervalMs: 25_000, upgradeTimeoutMs: 50 });
  const session = await openPolling(server.http);
  const url = `${server.ws}?EIO=4&transport=websocket&sid=${session.handshake.sid}`;
  const late = new RawSocket(url);
  late.send("2probe");
  assert.equal(await late.next(), "3probe");
  await late.closed;
  const waiting = session.poll();
  await session.post("4polling");
  assert.equal((await waiting).text, "4polling");
  await using socket = new RawSocket(url);
  socket.send("2probe");
  assert.equal(await socket.next(), "3probe");
  socket.send("5");
  socket.send("4websocket");
  assert.equal(await socket.next(), "4websocket");
});

protocolTest("the path: a final slash is optional, anything else is not found", async ({ port }) => {
  const origin = `http://127.0.0.1:${port}`;
  assert.ok(handshakeOf((await request(`${origin}/engine.io?EIO=4&transport=polling`)).text));
  assert.equal((await request(`${origin}/engine.iox/?EIO=4&transport=polling`)).status, 404);
  assert.equal((await request(`${origin}/?EIO=4&transport=polling`)).status, 404);
});
