/** Connections without a word use up the descriptors of a process: it serves on, and those who are connected feel nothing. */
import assert from "node:assert/strict";
import { connect, foreignClient } from "../support/foreign_client.ts";
import { startTether, TEST_SECRET } from "../support/tether_process.ts";
import { testToken } from "../support/tokens.ts";
import { until } from "../support/until.ts";

const DESCRIPTORS = 150;

Deno.test("a flood of idle connections ends no session, and newcomers are served once it is over", async () => {
  await using server = await startTether({ env: { JWT_SECRET: TEST_SECRET }, descriptors: DESCRIPTORS });
  await using honest = foreignClient(server.url, { token: await testToken() });
  await connect(honest);
  let lost = 0;
  honest.socket.on("disconnect", () => lost++);

  const flood: Deno.Conn[] = [];
  try {
    for (let count = 0; count < 2 * DESCRIPTORS; count++) {
      // while nothing listens, none comes in
      const conn = await Deno.connect({ hostname: "127.0.0.1", port: server.port }).catch(() => undefined);
      if (conn !== undefined) flood.push(conn);
    }
    assert.ok((await honest.ask("heartbeat", {})).ok);
    await server.printed(/The listener ended/);
    assert.ok((await honest.ask("heartbeat", {})).ok);
  } finally {
    for (const conn of flood) conn.close();
  }
  const endedAt = performance.now();

  await until(async () => {
    try {
      const response = await fetch(`${server.url}/healthz`);
      await response.body?.cancel();
      return response.ok;
    } catch {
      return false;
    }
  });
  assert.ok(performance.now() - endedAt < 2000);
  await using late = foreignClient(server.url, { token: await testToken({ claims: { sub: "bob" } }) });
  await connect(late);
  assert.ok((await honest.ask("heartbeat", {})).ok);
  assert.equal(lost, 0);
  assert.equal(await server.stop(), 0);
});
