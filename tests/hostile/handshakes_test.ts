/** Who repeats handshakes without a good token keeps nobody out who comes from elsewhere. */
import assert from "node:assert/strict";
import { RawSocket } from "../support/engine_raw.ts";
import { connect, foreignClient } from "../support/foreign_client.ts";
import { startTether, TEST_SECRET } from "../support/tether_process.ts";
import { testToken } from "../support/tokens.ts";

const CONNECTS_PER_SECOND = 30, ATTACKERS = 5, TRIES = 100;

Deno.test("handshakes that are refused spend nobody else's connects", async () => {
  await using server = await startTether({
    env: {
      JWT_SECRET: TEST_SECRET,
      TRUST_PROXY: "true",
      ADMISSION_CONNECTS_PER_SECOND: String(CONNECTS_PER_SECOND),
    },
  });
  const url = `${server.url.replace("http", "ws")}/ws/socket.io/?EIO=4&transport=websocket`;
  const counts = new Map<string, number>();
  let isOver = false;

  /** Until it is told to stop, on one connection after the other: each is ended after its third refusal. */
  async function attack(): Promise<void> {
    for (let tries = 0; tries < TRIES && !isOver; tries++) {
      const socket = new RawSocket(url, { "x-forwarded-for": "192.0.2.66" });
      await socket.next();
      for (let count = 0; count < 3; count++) {
        socket.send('40{"protocol":1}');
        const [, code = ""] = /"code":"([^"]+)"/.exec(String(await socket.next())) ?? [];
        counts.set(code, (counts.get(code) ?? 0) + 1);
      }
      await socket.closed;
    }
  }

  const attacks = Promise.all(Array.from({ length: ATTACKERS }, attack));
  const token = await testToken();
  await using stack = new AsyncDisposableStack();
  await Promise.all(Array.from({ length: 20 }, async (_, index) => {
    const client = stack.use(foreignClient(server.url, {
      token,
      protocol: 1,
      extraHeaders: { "x-forwarded-for": `198.51.100.${index}` },
    }));
    await connect(client);
  }));
  isOver = true;
  await attacks;
  const codes = new Set(counts.keys());
  assert.ok(codes.has("auth/missing") && !codes.has("admission/overloaded"), [...codes].join());
});
