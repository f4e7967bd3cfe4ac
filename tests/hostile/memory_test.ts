/** A fragmented WebSocket message that never ends fills the memory of a process: it leaves before it is killed. */
import assert from "node:assert/strict";
import { connect, foreignClient } from "../support/foreign_client.ts";
import { startTether, TEST_SECRET } from "../support/tether_process.ts";
import { testToken } from "../support/tokens.ts";

const FRAGMENT_BYTES = 64 * 1024;
const MAX_FRAGMENTS = 20_000;
const CONTINUATION = 0, TEXT = 1, MASKED = 0x80, LENGTH_64 = 127;

/** One frame without the bit that says it is the last. */
function fragment(opcode: number): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(14 + FRAGMENT_BYTES).fill(0x20);
  frame[0] = opcode;
  frame[1] = MASKED | LENGTH_64;
  new DataView(frame.buffer).setBigUint64(2, BigInt(FRAGMENT_BYTES));
  frame.fill(0, 10, 14);
  return frame;
}

/** Opens a WebSocket by hand and sends fragments until the server is gone, or gives up after 1.3 GB. */
async function attack(port: number): Promise<void> {
  using conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const head =
    "GET /ws/socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\n" +
    "connection: Upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
  const writer = conn.writable.getWriter();
  try {
    await writer.write(new TextEncoder().encode(head));
    await conn.read(new Uint8Array(1024));
    await writer.write(fragment(TEXT));
    const next = fragment(CONTINUATION);
    for (let sent = 0; sent < MAX_FRAGMENTS; sent++) await writer.write(next);
  } catch {
    // the server has closed the connection
  } finally {
    writer.releaseLock();
  }
}

Deno.test("a message that never ends makes the node leave in words, and its clients go on with the next one", async () => {
  await using server = await startTether({ env: { JWT_SECRET: TEST_SECRET, MEMORY_LIMIT_MB: "450" } });
  await using honest = foreignClient(server.url, {
    token: await testToken(),
    reconnection: true,
    reconnectionDelay: 100,
  });
  await connect(honest);
  const ended = honest.next("session:end");
  const attacking = attack(server.port);
  assert.equal((await ended as { code: string }).code, "server/draining");
  await attacking;
  assert.match(server.output, /Memory is used up: leaving/);
  assert.equal(await server.exited(), 1);
  // as a supervisor does
  const back = new Promise((resolve) => honest.socket.once("session:ready", resolve));
  await server.start();
  await back;
});
