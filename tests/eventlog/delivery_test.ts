import assert from "node:assert/strict";
import { Server } from "socket.io";
import { createMemoryAdapter } from "../../lib/eventlog/memory_adapter.ts";

interface Receiver {
  rooms: string[];
  writable?: boolean;
}

/** A server with sockets that write down what they get: `heard()` takes it, by socket. */
function serverOf(
  receivers: Record<string, Receiver>,
): { io: Server; heard: () => Record<string, string[]> } {
  const io = new Server({ adapter: createMemoryAdapter({ inFlightMs: 1000 }).adapter });
  const { adapter, sockets } = io.of("/");
  let frames: Record<string, string[]> = {};
  for (const [sid, { rooms, writable = true }] of Object.entries(receivers)) {
    adapter.addAll(sid, new Set([sid, ...rooms]));
    const conn = { transport: { writable }, write: (frame: string) => (frames[sid] ??= []).push(frame) };
    sockets.set(sid, { conn } as never);
  }
  return {
    io,
    heard() {
      const taken = frames;
      frames = {};
      return taken;
    },
  };
}

Deno.test("deliver() reaches who is in any of the rooms once, and nobody who is excepted", () => {
  const { io, heard } = serverOf({ a: { rooms: ["x", "y"] }, b: { rooms: ["y", "z"] }, c: { rooms: ["w"] } });
  const event = ['2["e",1]'];
  io.local.to("x").emit("e", 1);
  assert.deepEqual(heard(), { a: event });
  io.local.to("x").to("y").to("nowhere").emit("e", 1);
  assert.deepEqual(heard(), { a: event, b: event });
  io.local.to("y").except("z").except("nowhere").emit("e", 1);
  assert.deepEqual(heard(), { a: event });
  io.local.emit("e", 1);
  assert.deepEqual(heard(), { a: event, b: event, c: event });
  io.local.except(["x", "w"]).emit("e", 1);
  assert.deepEqual(heard(), { b: event });
  io.local.to("nowhere").emit("e", 1);
  assert.deepEqual(heard(), {});
});

Deno.test("deliver() leaves out those whose line is full only when the event may be dropped", () => {
  const { io, heard } = serverOf({ a: { rooms: ["x"], writable: false }, b: { rooms: ["x"] } });
  io.local.to("x").volatile.emit("e");
  assert.deepEqual(heard(), { b: ['2["e"]'] });
  io.local.to("x").emit("e");
  assert.deepEqual(heard(), { a: ['2["e"]'], b: ['2["e"]'] });
});

Deno.test("deliver() sends bytes as attachments", () => {
  const { io, heard } = serverOf({ a: { rooms: [] } });
  const bytes = new Uint8Array([1, 2]);
  io.local.emit("e", bytes);
  assert.deepEqual(heard(), { a: ['51-["e",{"_placeholder":true,"num":0}]', bytes as unknown as string] });
});
