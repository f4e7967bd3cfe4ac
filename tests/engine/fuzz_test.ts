/** Random and mutated requests and frames: the process stays up, no session leaks, and memory returns. */
import assert from "node:assert/strict";
import v8 from "node:v8";
import vm from "node:vm";
import fc from "fast-check";
import { Server } from "socket.io";
import { createEngine, type Engine } from "../../lib/engine/mod.ts";
import { FAST, serve } from "../support/engine_server.ts";
import { openWebSocket } from "../support/engine_raw.ts";
import { readUntil, sendRaw } from "../support/engine_tcp.ts";

const INFO = { remoteAddr: { transport: "tcp", hostname: "127.0.0.1", port: 1 } } as const;
const BASE = "http://127.0.0.1/engine.io/";
const STATUSES = new Set([200, 204, 400, 403, 404, 413]);

function socketIo(): Engine {
  const engine = createEngine({ ...FAST, pingIntervalMs: 500, maxPayload: 10_000 });
  const io = new Server();
  io.bind(engine);
  io.on("connection", (socket) => {
    socket.onAny((...args) => {
      const last = args.at(-1);
      if (typeof last === "function") last(...args.slice(0, -1));
      else socket.emit("back", ...args);
    });
  });
  return engine;
}

/** Settles when the engine has no session left, which its heartbeat sees to. */
function emptied(engine: Engine): Promise<void> {
  return new Promise((resolve) => {
    const check = (): void => {
      if (engine.clientsCount > 0) return;
      clearInterval(timer);
      resolve();
    };
    const timer = setInterval(check, 10);
  });
}

async function open(engine: Engine): Promise<string> {
  const response = await engine.handle(new Request(`${BASE}?EIO=4&transport=polling`), INFO);
  return JSON.parse((await response.text()).slice(1)).sid;
}

const packet = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom("40", "40/custom,", "41", '42["a",1]', '421["a",{}]', "431[]", "3", "6", "4"),
  },
  fc.constantFrom(
    '451-["a",{"_placeholder":true,"num":0}]',
    '452-["a"]',
    '451-["a",{"_placeholder":true,"num":-1}]',
  ),
  fc.constantFrom(
    "bAQID",
    "b",
    "b!",
    "1",
    "2",
    "5",
    "0",
    "2probe",
    "44",
    "46",
    "42[]",
    '42["disconnect"]',
    '42["__proto__"]',
  ),
  fc.tuple(fc.constantFrom("4", "42", "43", "45", "b", ""), fc.string({ unit: "binary", maxLength: 30 })).map(
    (parts) => parts.join(""),
  ),
  fc.json({ maxDepth: 4 }).map((json) => `42["a",${json}]`),
);
/** A packet with one character changed, removed or doubled. */
const mutated = fc.tuple(
  packet,
  fc.nat(),
  fc.constantFrom("", "0", "[", '"', "\x1e", "\u0000", "\ud800", "€€"),
).map(
  ([text, at, put]) => text.slice(0, at % (text.length + 1)) + put + text.slice((at % (text.length + 1)) + 1),
);
const payload = fc.array(fc.oneof(packet, mutated), { maxLength: 6 }).map((packets) => packets.join("\x1e"));

Deno.test("10,000 random requests are answered with a status of the protocol", async () => {
  const engine = socketIo();
  let sids: string[] = [];
  engine.on("connection", (socket) => {
    sids = [...sids.slice(-4), socket.id];
  });
  const request = fc.record({
    method: fc.constantFrom("GET", "GET", "GET", "POST", "POST", "OPTIONS", "PUT", "HEAD", "DELETE"),
    path: fc.oneof(
      { weight: 9, arbitrary: fc.constant("engine.io/") },
      fc.webPath(),
      fc.constant("engine.io"),
    ),
    eio: fc.constantFrom("EIO=4", "EIO=4", "EIO=4", "EIO=3", "EIO=", "eio=4", ""),
    transport: fc.constantFrom(
      "polling",
      "polling",
      "polling",
      "websocket",
      "webtransport",
      "",
      "constructor",
    ),
    sid: fc.oneof(
      fc.nat(4),
      fc.nat(4),
      fc.constant(undefined),
      fc.string(),
      fc.constantFrom("__proto__", ""),
    ),
    extra: fc.webQueryParameters(),
    headers: fc.dictionary(
      fc.constantFrom("origin", "upgrade", "connection", "content-length", "x-forwarded-for", "content-type"),
      fc.constantFrom("websocket", "http://127.0.0.1", "null", "999999", "-1", "a, b", "%%%"),
    ),
    body: payload,
  });
  await fc.assert(
    fc.asyncProperty(request, async ({ method, path, eio, transport, sid, extra, headers, body }) => {
      const known = typeof sid === "number" ? sids[sid] : sid;
      const query = [
        eio,
        `transport=${transport}`,
        known === undefined ? "" : `sid=${encodeURIComponent(known)}`,
        extra,
      ];
      const url = new URL(`${query.join("&")}`.replace(/^/, "?"), new URL(path.replace(/^\/*/, "/"), BASE));
      const hasBody = method !== "GET" && method !== "HEAD";
      const response = await engine.handle(
        new Request(url, { method, headers, body: hasBody ? body : null }),
        INFO,
      );
      assert.ok(STATUSES.has(response.status), `${response.status}`);
      // a poll that waits is given up here, as a client that goes away does
      await response.body?.cancel();
    }),
    { numRuns: 10_000 },
  );
  await emptied(engine);
  await engine.close();
});

Deno.test("8,000 random payloads are taken, or end their session", async () => {
  const engine = socketIo();
  await fc.assert(
    fc.asyncProperty(payload, async (body) => {
      const url = `${BASE}?EIO=4&transport=polling&sid=${await open(engine)}`;
      const post = await engine.handle(new Request(url, { method: "POST", body }), INFO);
      assert.ok(post.status === 200 || post.status === 400, `${post.status}`);
      const again = await engine.handle(new Request(url, { method: "POST", body: "1" }), INFO);
      if (post.status === 400) assert.equal(again.status, 400);
    }),
    { numRuns: 8_000 },
  );
  assert.equal(engine.clientsCount, 0);
  await engine.close();
});

Deno.test("3,000 random frames over real WebSockets are taken, or end their session", async () => {
  await using server = serve(socketIo(), "/engine.io/");
  const frame = fc.oneof(
    { weight: 4, arbitrary: fc.oneof(packet, mutated) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 40 }).map((bytes) => new Uint8Array(bytes)) },
  );
  const frames = fc.array(frame, { minLength: 10, maxLength: 20 });
  async function play(frames: (string | Uint8Array<ArrayBuffer>)[]): Promise<void> {
    const socket = await openWebSocket(server.ws);
    for (const each of frames) socket.send(each);
    socket.send("1");
    await socket.closed;
  }
  await fc.assert(
    fc.asyncProperty(fc.array(frames, { minLength: 10, maxLength: 10 }), async (sessions) => {
      await Promise.all(sessions.map(play));
    }),
    { numRuns: 30 },
  );
  assert.equal(server.engine.clientsCount, 0);
});

Deno.test("500 mutated handshakes over TCP leave the server serving", async () => {
  await using server = serve(socketIo(), "/engine.io/");
  const good = `GET /engine.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\n` +
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
    "Sec-WebSocket-Version: 13\r\n\r\n";
  const bytes = fc.tuple(fc.nat(good.length - 1), fc.string({ unit: "binary", maxLength: 5 }), fc.nat(3));
  await fc.assert(
    fc.asyncProperty(bytes, async ([at, put, cut]) => {
      const connection = await sendRaw(
        server.port,
        good.slice(0, at) + put + good.slice(at + cut) + "\r\n\r\n",
      );
      connection.closeWrite().catch(() => {});
      await readUntil(connection, "\r\n\r\n");
      connection.close();
    }),
    { numRuns: 500 },
  );
  const socket = await openWebSocket(server.ws);
  await socket[Symbol.asyncDispose]();
  await emptied(server.engine);
});

Deno.test("memory returns to where it was after 2,000 sessions of every kind of end", async () => {
  v8.setFlagsFromString("--expose-gc");
  const gc = vm.runInNewContext("gc");
  await using server = serve(socketIo(), "/engine.io/");
  const { engine } = server;
  const ends = ["1", "bad", "4abc", "40", "4".repeat(10_001), "6"];
  const round = async (): Promise<number> => {
    for (let i = 0; i < 1_000; i++) {
      const url = `${BASE}?EIO=4&transport=polling&sid=${await open(engine)}`;
      await engine.handle(new Request(url, { method: "POST", body: ends[i % ends.length]! }), INFO);
      const poll = await engine.handle(new Request(url), INFO);
      if (i % 2) await poll.body?.cancel();
    }
    await Promise.all(Array.from({ length: 100 }, async (_, i) => {
      const socket = await openWebSocket(server.ws);
      socket.send(ends[i % (ends.length - 1)]!);
      await socket[Symbol.asyncDispose]();
    }));
    await emptied(engine);
    gc();
    return Deno.memoryUsage().heapUsed;
  };
  await round();
  const before = await round(), after = await round();
  assert.ok(after - before < 1_000_000, `the heap grew by ${after - before} bytes over 1,100 sessions`);
});
