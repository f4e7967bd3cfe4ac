/** The official client in Chromium, over each transport. */
import assert from "node:assert/strict";
import { startBrowser } from "../support/browser.ts";
import { Server } from "socket.io";
import { createEngine } from "../../lib/engine/mod.ts";

const CLIENT = new URL(import.meta.resolve("socket.io-client")).pathname.replace(
  /build\/.*$/,
  "dist/socket.io.min.js",
);

/** Runs in the page: each step's outcome, in order. */
async function talk(transports: string[]): Promise<unknown[]> {
  // deno-lint-ignore no-explicit-any -- the page's global, made by the client's script
  const { io } = globalThis as any;
  const connect = async () => {
    const socket = io({ transports, forceNew: true, reconnection: false });
    const opened = new Promise<void>((resolve) => socket.on("connect", resolve));
    const upgraded = transports.length === 1 ||
      new Promise((resolve) => socket.io.on("open", () => socket.io.engine.on("upgrade", resolve)));
    await opened;
    await upgraded;
    return socket;
  };
  const once = (emitter: { once(name: string, listener: (value: unknown) => void): void }, name: string) =>
    new Promise<unknown>((resolve) => emitter.once(name, resolve));

  const socket = await connect();
  const outcome: unknown[] = [socket.io.engine.transport.name];
  outcome.push(await socket.emitWithAck("echo", "one"));
  outcome.push([...new Uint8Array(await socket.emitWithAck("echo", Uint8Array.of(1, 2, 255)))]);
  const big = "é".repeat(499_900);
  outcome.push(await socket.emitWithAck("echo", big) === big);
  socket.emit("leave");
  outcome.push(await once(socket, "disconnect"));
  const second = await connect();
  second.emit("echo", "x".repeat(1_000_001));
  outcome.push(await once(second, "disconnect"));
  return outcome;
}

Deno.test({
  name: "socket.io-client talks from Chromium over every transport",
  fn: async (t) => {
    await using engine = createEngine({ path: "/socket.io/" });
    const io = new Server();
    io.bind(engine);
    io.on("connection", (socket) => {
      socket.on("echo", (value, ack) => ack?.(value));
      socket.on("leave", () => socket.disconnect(true));
    });
    const page = `<!doctype html><script>${await Deno.readTextFile(CLIENT)}</script>`;
    await using server = Deno.serve(
      { port: 0, hostname: "127.0.0.1", onListen() {} },
      (request, info) =>
        new URL(request.url).pathname.startsWith("/socket.io/")
          ? engine.handle(request, info)
          : new Response(page, { headers: { "content-type": "text/html; charset=utf-8" } }),
    );
    const browser = await startBrowser();
    try {
      const tab = await browser.newPage();
      await tab.goto(`http://127.0.0.1:${server.addr.port}/`);
      for (const transports of [["polling"], ["polling", "websocket"], ["websocket"]]) {
        await t.step(transports.join(", then "), async () => {
          const outcome = await tab.evaluate(talk, transports);
          assert.match(String(outcome.pop()), /transport (close|error)/);
          assert.deepEqual(outcome, [transports.at(-1), "one", [1, 2, 255], true, "io server disconnect"]);
        });
      }
    } finally {
      await browser.close();
    }
  },
});
