/** How the process leaves: signals as shells, task runners and supervisors send them. */
import assert from "node:assert/strict";
import { connect, foreignClient } from "./support/foreign_client.ts";
import { startTether, TEST_SECRET, type TetherProcess } from "./support/tether_process.ts";
import { testToken } from "./support/tokens.ts";

/** A sign-in that never ends; in demo mode its body is waited for. */
async function unfinishedRequest({ port, url }: TetherProcess): Promise<Deno.TcpConn> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const head = "POST /api/auth/sign-in HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n" +
    "content-length: 100\r\n\r\n{";
  await conn.write(new TextEncoder().encode(head));
  // what came later has been answered
  await (await fetch(`${url}/readyz`)).body?.cancel();
  return conn;
}

Deno.test("two copies of one signal are one: sessions are told, and the process ends well", async () => {
  await using server = await startTether({ env: { JWT_SECRET: TEST_SECRET } });
  await using client = foreignClient(server.url, { token: await testToken() });
  await connect(client);
  const ended = client.next("session:end");
  // as a task runner forwards what the process group has got already
  Deno.kill(server.pid, "SIGINT");
  Deno.kill(server.pid, "SIGINT");
  const stopped = server.stop();
  assert.equal((await ended as { code: string }).code, "server/draining");
  assert.equal(await stopped, 0);
});

Deno.test("a request that never ends does not hold the process", async () => {
  await using server = await startTether();
  using _conn = await unfinishedRequest(server);
  const begun = performance.now();
  assert.equal(await server.stop(), 0);
  assert.ok(performance.now() - begun < 10_000);
});

Deno.test("a second press, half a second later, ends it now", async () => {
  await using server = await startTether();
  using _conn = await unfinishedRequest(server);
  const begun = performance.now();
  Deno.kill(server.pid, "SIGINT");
  await server.printed(/Leaving/);
  // a press is a matter of time: nothing else tells it from a copy
  while (performance.now() - begun < 700) await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(await server.stop(), 1);
});
