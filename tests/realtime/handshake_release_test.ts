/** The handshake's own bookkeeping, with connections that Socket.IO drops. */
import assert from "node:assert/strict";
import process from "node:process";
import type { Identity } from "../../lib/auth/claims.ts";
import { createLog } from "../../lib/log.ts";
import { createMetrics } from "../../lib/metrics.ts";
import { createHandshake } from "../../lib/realtime/handshake.ts";
import type { TetherSocket } from "../../lib/realtime/types.ts";

function tick(): Promise<void> {
  return new Promise((resolve) => process.nextTick(() => process.nextTick(resolve)));
}

for (const connected of [false, true]) {
  Deno.test(`a connection that ${connected ? "became" : "is gone before it becomes"} a session`, async () => {
    const released: TetherSocket[] = [];
    const handshake = createHandshake({
      admission: { check() {}, drain() {}, spread: (ms) => ms },
      authenticate: () => Promise.resolve({ user: { id: "ada" } } as Identity),
      admit: () => Promise.resolve(),
      release: (socket) => released.push(socket),
      log: createLog({ level: "silent", format: "json" }),
      metrics: createMetrics(),
    });
    const socket = { conn: {}, data: {}, handshake: { auth: {} }, connected: false };
    // as Socket.IO does it: in the next tick it connects the socket, or forgets it
    await handshake(
      socket as unknown as TetherSocket,
      () => process.nextTick(() => socket.connected = connected),
    );
    await tick();
    assert.equal(released.length, connected ? 0 : 1);
  });
}
