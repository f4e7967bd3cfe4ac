/** The official client against Socket.IO on the engine, over each transport. */
import assert from "node:assert/strict";
import { io, type Socket } from "socket.io-client";
import { serveSocketIo } from "../support/engine_server.ts";
import { turns } from "../support/turns.ts";

const WAYS = {
  "polling only": ["polling"],
  "upgrade": ["polling", "websocket"],
  "WebSocket only": ["websocket"],
};

function once<T>(socket: Socket | Socket["io"]["engine"], event: string): Promise<T> {
  return new Promise((resolve) => (socket as Socket).once(event, (value: T) => resolve(value)));
}

async function connect(url: string, transports: string[]): Promise<Socket> {
  const socket = io(url, {
    path: "/socket.io/",
    transports,
    reconnection: false,
    forceNew: true,
    auth: { token: "t" },
  });
  const upgraded = transports.length > 1
    ? new Promise<void>((resolve) =>
      socket.io.once("open", () => socket.io.engine.once("upgrade", () => resolve()))
    )
    : Promise.resolve();
  assert.deepEqual(await once(socket, "auth"), { token: "t" });
  await upgraded;
  assert.equal(socket.io.engine.transport.name, transports.at(-1));
  return socket;
}

for (const [way, transports] of Object.entries(WAYS)) {
  Deno.test(`socket.io-client talks over ${way}`, async (t) => {
    await using server = serveSocketIo({ pingIntervalMs: 25_000, pingTimeoutMs: 20_000 });
    const url = `http://127.0.0.1:${server.port}`;

    await t.step("an event with an acknowledgement", async () => {
      const socket = await connect(url, transports);
      assert.deepEqual(await socket.emitWithAck("message-with-ack", 1, "two"), 1);
      socket.disconnect();
    });
    await t.step("binary both ways", async () => {
      const socket = await connect(url, transports);
      const back = once<ArrayBuffer>(socket, "message-back");
      socket.emit("message", Uint8Array.of(1, 2, 3));
      assert.deepEqual([...new Uint8Array(await back)], [1, 2, 3]);
      socket.disconnect();
    });
    await t.step("a payload of nearly 1 MB", async () => {
      const socket = await connect(url, transports);
      const big = "é".repeat(499_900);
      assert.equal(await socket.emitWithAck("message-with-ack", big), big);
      socket.disconnect();
    });
    await t.step("a payload over the limit ends the connection", async () => {
      const socket = await connect(url, transports);
      const gone = once<string>(socket, "disconnect");
      socket.emit("message", "x".repeat(1_000_001));
      assert.match(await gone, /transport (close|error)/);
    });
    await t.step("the server disconnects", async () => {
      const socket = await connect(url, transports);
      const gone = once<string>(socket, "disconnect");
      socket.emit("leave");
      assert.equal(await gone, "io server disconnect");
    });
    await turns();
  });
}
