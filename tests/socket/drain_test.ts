/** A node that leaves alone tells each of its clients a time of its own, as long as letting all of them in again takes. */
import assert from "node:assert/strict";
import { lightClient, lightClients } from "../support/light_client.ts";
import { startSocketServer } from "../support/socket_server.ts";
import { testToken } from "../support/tokens.ts";

const CLIENTS = 60;

Deno.test("sessions of a node that stands alone are told times that spread their return", async () => {
  await using server = await startSocketServer({ config: { drainMs: 30_000 } });
  const clients = await lightClients(
    CLIENTS,
    async (index) => await lightClient(server.url, await testToken({ claims: { sub: `u${index}` } })),
  );
  await server.socketServer.drain();
  const ends = await Promise.all(clients.map(({ ended }) => ended)) as {
    code: string;
    retryAfterMs: number;
  }[];
  assert.ok(ends.every(({ code }) => code === "server/draining"));
  const waits = ends.map(({ retryAfterMs }) => retryAfterMs).toSorted((a, b) => a - b);
  // a second for the restart, and what 60 connects take at 500 a second, half as much again
  assert.ok(waits[0]! >= 500 && waits.at(-1)! <= 500 + 1000 + 1.5 * 1000 * CLIENTS / 500, String(waits));
  assert.ok(new Set(waits).size > CLIENTS / 2, String(waits));
  assert.ok(waits.at(-1)! - waits[0]! > 500, String(waits));
  assert.equal(server.socketServer.size, 0);
});
