/** The handshake's own bookkeeping, with connections that Socket.IO drops. */
import assert from "node:assert/strict";
import process from "node:process";
import type { Identity } from "../../lib/auth/claims.ts";
import { createLog } from "../../lib/log.ts";
import { createMetrics } from "../../lib/metrics.ts";
import { createHandshake } from "../../lib/socket/handshake.ts";
import type { TetherSocket } from "../../lib/socket/types.ts";

function tick(): Promise<void> {
  return new Promise((resolve) => process.nextTick(() => process.nextTick(resolve)));
}

function bookkeeping(): {
  admitted: unknown[];
  released: unknown[];
  handshake: ReturnType<typeof createHandshake>;
} {
  const admitted: unknown[] = [], released: unknown[] = [];
  const handshake = createHandshake({
    admission: { check() {}, take() {}, hold() {}, drain() {}, spread: (ms) => ms },
    authenticate: () => Promise.resolve({ user: { id: "ada" } } as Identity),
    admit: (socket) => Promise.resolve(void admitted.push(socket)),
    release: (socket) => released.push(socket),
    log: createLog({ level: "silent", format: "json" }),
    metrics: createMetrics(),
  });
  return { admitted, released, handshake };
}

function socketOn(conn: object): TetherSocket & { connected: boolean } {
  return { conn, data: {}, handshake: { auth: {} }, connected: false } as unknown as TetherSocket;
}

for (const connected of [false, true]) {
  Deno.test(`a connection that ${connected ? "became" : "is gone before it becomes"} a session`, async () => {
    const { handshake, released } = bookkeeping();
    const socket = socketOn({});
    // as Socket.IO does it: in the next tick it connects the socket, or forgets it
    await handshake(socket, () => process.nextTick(() => socket.connected = connected));
    await tick();
    assert.equal(released.length, connected ? 0 : 1);
  });
}

Deno.test("a second handshake while the first is under way closes the connection", async () => {
  const { handshake, admitted } = bookkeeping();
  let closed = 0;
  const conn = { close: () => closed++ };
  const errors: unknown[] = [];
  const next = (error?: Error): unknown => errors.push(error);
  await Promise.all([handshake(socketOn(conn), next), handshake(socketOn(conn), next)]);
  assert.equal(closed, 1);
  assert.equal(admitted.length, 1);
  assert.equal(errors.filter((error) => error !== undefined).length, 1);
});
