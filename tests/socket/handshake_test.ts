/** The handshake and the session's own events, with a plain Socket.IO client against a real server process. */
import assert from "node:assert/strict";
import { connect, foreignClient, refusal } from "../support/foreign_client.ts";
import { startTether, TEST_SECRET } from "../support/tether_process.ts";
import { testToken, unsignedToken } from "../support/tokens.ts";

const REFUSED: [string, () => Promise<unknown>, string][] = [
  ["no token", () => Promise.resolve(undefined), "auth/missing"],
  ["a malformed token", () => Promise.resolve("not-a-token"), "auth/malformed"],
  ["a token that is no text", () => Promise.resolve({ a: 1 }), "auth/malformed"],
  ["alg: none", unsignedToken, "auth/invalid-signature"],
  [
    "a wrong secret",
    () => testToken({ secret: "another-secret-of-at-least-32-bytes!" }),
    "auth/invalid-signature",
  ],
  ["an expired token", () => testToken({ expiresInS: -60 }), "auth/expired"],
  ["a token without expiry", () => testToken({ expiresInS: null }), "auth/malformed"],
];

Deno.test("handshake", async (t) => {
  await using server = await startTether({ env: { JWT_SECRET: TEST_SECRET, EVENTS_PER_SECOND: "20" } });

  for (const [what, token, code] of REFUSED) {
    await t.step(`refuses ${what} with ${code}`, async () => {
      await using client = foreignClient(server.url, { token: await token() });
      const refused = refusal(client);
      client.socket.connect();
      const { data, message } = await refused;
      assert.deepEqual(data, { code, action: "reauth" });
      assert.ok(message.length > 0 && !message.includes("at "));
    });
  }

  await t.step("emits session:ready with the allow-listed user before anything else", async () => {
    const expiresInS = 600;
    await using client = foreignClient(server.url, {
      token: await testToken({ expiresInS, claims: { gender: "x", date_of_birth: "1815-12-10" } }),
    });
    const events: string[] = [];
    client.socket.onAny((event) => events.push(event));
    const { sid, nodeId, serverTime, expiresAt, user, ...rest } = await connect(client);
    assert.deepEqual(events, ["session:ready"]);
    assert.equal(sid, client.socket.id);
    assert.equal(typeof nodeId, "string");
    assert.ok(Math.abs(serverTime as number - Date.now()) < 5000);
    assert.ok(Math.abs(expiresAt as number - Date.now() - expiresInS * 1000) < 5000);
    assert.deepEqual(user, { id: "ada", name: "Ada", email: "ada@example.test", role: "user" });
    assert.deepEqual(rest, { heartbeatIntervalMs: 30_000, recovered: false, protocol: 1 });
  });

  await t.step("user-join answers who one is, and refuses another user's token", async () => {
    await using client = foreignClient(server.url, { token: await testToken() });
    await connect(client);
    const joined = await client.ask("user-join", { auth: { token: await testToken() } });
    assert.deepEqual(joined, { ok: true, id: "ada", name: "Ada" });
    const other = await client.ask("user-join", {
      auth: { token: await testToken({ claims: { sub: "eve" } }) },
    });
    assert.equal(other.error?.code, "access/denied");
    const bad = await client.ask("user-join", { auth: { token: "x" } });
    assert.equal(bad.error?.code, "auth/malformed");
  });

  await t.step("heartbeat is acknowledged with the server's time, with and without a payload", async () => {
    await using client = foreignClient(server.url, { token: await testToken() });
    await connect(client);
    for (const payload of [undefined, {}, { active: false }]) {
      const { ok, serverTime } = await client.ask("heartbeat", payload);
      assert.equal(ok, true);
      assert.ok(Math.abs(serverTime as number - Date.now()) < 5000);
    }
  });

  await t.step("an unknown event and a bad payload are answered with their codes", async () => {
    await using client = foreignClient(server.url, { token: await testToken() });
    await connect(client);
    assert.equal((await client.ask("no-such-event", {})).error?.code, "request/unknown-event");
    assert.equal((await client.ask("heartbeat", { active: "yes" })).error?.code, "request/invalid");
    const told = client.next("error");
    client.socket.emit("no-such-event", {});
    const { message: _, ...error } = await told as Record<string, unknown>;
    assert.deepEqual(error, { event: "no-such-event", code: "request/unknown-event" });
  });

  await t.step("more events than EVENTS_PER_SECOND are refused with a time to wait", async () => {
    await using client = foreignClient(server.url, { token: await testToken() });
    await connect(client);
    const answers = await Promise.all(Array.from({ length: 40 }, () => client.ask("heartbeat", {})));
    const refused = answers.filter(({ ok }) => !ok);
    assert.ok(refused.length > 0 && refused.length <= 20);
    for (const { error } of refused) {
      assert.equal(error?.code, "request/rate-limited");
      assert.ok(error!.retryAfterMs! > 0);
    }
  });

  await t.step("a draining server tells each session when to come back", async () => {
    await using client = foreignClient(server.url, { token: await testToken() });
    await connect(client);
    const ended = client.next("session:end"), gone = client.next("disconnect");
    const stopped = server.stop();
    const { code, action, retryAfterMs } = await ended as Record<string, unknown>;
    assert.deepEqual([code, action], ["server/draining", "retry"]);
    assert.ok(retryAfterMs as number > 0);
    // an ordinary client tries again after this, and never after a disconnection by the server
    assert.equal(await gone, "transport close");
    assert.equal(await stopped, 0);
    assert.ok(!server.output.includes(TEST_SECRET));
  });
});
