/** What a client can do to its own connection over a real server: several handshakes, leaving, names and lists without end. */
import assert from "node:assert/strict";
import { openWebSocket } from "../support/engine_raw.ts";
import { person } from "../support/people.ts";
import { startTether, TEST_SECRET, type TetherProcess } from "../support/tether_process.ts";
import { testToken } from "../support/tokens.ts";

async function sessions({ url }: TetherProcess): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(text.match(/^tether_sessions (\d+)$/m)?.[1]);
}

Deno.test("a hostile connection", async (t) => {
  await using server = await startTether({ env: { JWT_SECRET: TEST_SECRET } });
  const ws = `${server.url.replace("http", "ws")}/ws/socket.io/`;
  const connectPacket = `40${JSON.stringify({ token: await testToken() })}`;

  await t.step("many handshakes at once end it, and make no session", async () => {
    const socket = await openWebSocket(ws);
    for (let i = 0; i < 50; i++) socket.send(connectPacket);
    await socket.closed;
    assert.equal(await sessions(server), 0);
  });

  await t.step("a handshake that was refused may be tried again", async () => {
    await using socket = await openWebSocket(ws);
    socket.send("40{}");
    assert.match(String(await socket.next()), /^44\{.*"auth\/missing"/);
    socket.send(connectPacket);
    assert.match(String(await socket.next()), /^40\{"sid"/);
  });

  await t.step("the third refused handshake is answered and ends it", async () => {
    const socket = await openWebSocket(ws);
    for (let count = 0; count < 3; count++) {
      socket.send("40{}");
      assert.match(String(await socket.next()), /^44\{.*"auth\/missing"/);
    }
    assert.equal((await socket.closed).code, 1000);
  });

  await t.step("a connect to a namespace that is not there ends it", async () => {
    const socket = await openWebSocket(ws);
    socket.send("40/admin,{}");
    assert.equal((await socket.closed).code, 1000);
  });

  await t.step("who leaves the session loses the connection", async () => {
    const socket = await openWebSocket(ws);
    socket.send(connectPacket);
    assert.match(String(await socket.next()), /^40\{"sid"/);
    assert.match(String(await socket.next()), /^42\["session:ready"/);
    socket.send("41");
    assert.equal((await socket.closed).code, 1000);
  });

  await t.step("a name of a megabyte is not sent back", async () => {
    await using attacker = await person(server.url, "mallory");
    const told = attacker.client.next("error");
    attacker.client.socket.emit("x".repeat(900_000), {});
    assert.deepEqual(await told, {
      event: "x".repeat(100),
      code: "request/unknown-event",
      message: "This event is not known.",
    });
  });

  await t.step("ids that nobody has had are not watched, and so have no bound", async () => {
    await using attacker = await person(server.url, "mallory");
    for (let round = 0; round < 7; round++) {
      const userIds = Array.from({ length: 1_000 }, (_, i) => `${round}-${i}`);
      assert.deepEqual(await attacker.client.ask("presence:list", { userIds }), { ok: true, users: [] });
    }
  });
});
