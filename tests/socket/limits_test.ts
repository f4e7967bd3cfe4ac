/** A client over a limit ends its own session and nobody else's: one that does not read, and one that sends too much. */
import assert from "node:assert/strict";
import { apiClient } from "../support/api.ts";
import { MIN_STRANGERS } from "../../lib/socket/server.ts";
import { ADDRESS_SHARE } from "../../lib/socket/strangers.ts";
import { startSocketServer } from "../support/socket_server.ts";
import { openDeafWebSocket, readUntil } from "../support/engine_tcp.ts";
import { person } from "../support/people.ts";
import { startTether, TEST_SECRET } from "../support/tether_process.ts";
import { testToken } from "../support/tokens.ts";
import { until } from "../support/until.ts";

const SERVICE_TOKEN = "a-service-token-for-tests";
const MAX_PAYLOAD_BYTES = 300_000;
const SERVER = {
  env: {
    JWT_SECRET: TEST_SECRET,
    SERVICE_TOKEN,
    WEBSOCKET_MAX_PAYLOAD_BYTES: String(MAX_PAYLOAD_BYTES),
    WEBSOCKET_SEND_BUFFER_BYTES: "100000",
  },
};

/** A text frame of a client, of 126 to 65,535 bytes, masked with zeros. */
function textFrame(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new TextEncoder().encode(text);
  return Uint8Array.of(0x81, 0x80 | 126, bytes.length >> 8, bytes.length & 255, 0, 0, 0, 0, ...bytes);
}

Deno.test("a client that stops reading is ended with session/slow, and its neighbours hear everything", async () => {
  await using server = await startTether(SERVER);
  const service = apiClient(server.url, SERVICE_TOKEN);
  await using bob = await person(server.url, "bob");
  using deaf = await openDeafWebSocket(server.port, "/ws/socket.io/");
  await deaf.write(textFrame(`40${JSON.stringify({ token: await testToken() })}`));

  async function send(userIds: string[], text: string): Promise<number> {
    const data = { type: "filler", data: text };
    return (await service("POST /api/events", { to: { userIds }, data })).body.sessions;
  }
  await until(async () => await send(["ada"], "") === 1, { what: "the session" });
  let rounds = 0;
  do {
    await send(["ada", "bob"], `${rounds++} ${"x".repeat(200_000)}`);
    assert.equal((await bob.client.ask("heartbeat", {})).ok, true);
    assert.ok(rounds < 500, "nothing ended the session");
  } while (await send(["ada"], "") > 0);

  const received = await readUntil(deaf, "session:end");
  assert.match(
    received.slice(received.lastIndexOf("42[")),
    /"session:end",\{"code":"session\/slow","action":"retry"/,
  );
  const heard = bob.heard.filter(([event]) => event === "events")
    .map(([, event]) => parseInt((event as { data: { data: string } }).data.data));
  assert.deepEqual(heard, Array.from({ length: rounds }, (_, round) => round));
  assert.match(await (await fetch(`${server.url}/metrics`)).text(), /^tether_sessions 1$/m);
});

Deno.test("connections without a session are bounded for an address, and others and sessions go on", async () => {
  await using server = await startSocketServer({
    env: { ADMISSION_CONNECTS_PER_SECOND: "10", TRUST_PROXY: "true" },
  });
  await using bob = await person(server.url, "bob");
  const openFrom = async (address: string): Promise<Response> =>
    await fetch(`${server.url}/ws/socket.io/?EIO=4&transport=polling`, {
      headers: { "x-forwarded-for": address },
    });
  const open = (): Promise<Response> => openFrom("192.0.2.66");
  const strangers = await Promise.all(Array.from({ length: MIN_STRANGERS * ADDRESS_SHARE }, open));
  const sids = await Promise.all(
    strangers.map(async (answer) => JSON.parse((await answer.text()).slice(1)).sid),
  );
  const refused = await open();
  assert.deepEqual([refused.status, (await refused.json()).code], [503, 4]);
  assert.equal((await bob.client.ask("heartbeat", {})).ok, true);
  assert.equal((await (await openFrom("192.0.2.1")).text())[0], "0", "another address has room");
  const closed = await fetch(`${server.url}/ws/socket.io/?EIO=4&transport=polling&sid=${sids[0]}`, {
    method: "POST",
    body: "1",
  });
  await closed.body?.cancel();
  assert.equal((await (await open()).text())[0], "0", "there is room again");
});

const TOO_LARGE = { code: "request/too-large", message: "The request is too large." };
const PADDING = "x".repeat(MAX_PAYLOAD_BYTES);

Deno.test("an event over WEBSOCKET_MAX_PAYLOAD_BYTES is answered, and the third in a minute ends the session", async () => {
  await using server = await startTether(SERVER);
  await using bob = await person(server.url, "bob");
  await using eve = await person(server.url, "eve");
  // at the limit, and it is only refused
  const { error } = await eve.client.ask("x".repeat(MAX_PAYLOAD_BYTES - 100), {});
  assert.equal(error?.code, "request/unknown-event");
  assert.deepEqual(await eve.client.ask("heartbeat", { PADDING }), { ok: false, error: TOO_LARGE });
  const told = eve.client.next("error");
  eve.client.socket.emit("heartbeat", { PADDING });
  assert.deepEqual(await told, { event: "heartbeat", ...TOO_LARGE });
  assert.equal((await eve.client.ask("heartbeat", {})).ok, true);

  const ended = eve.client.next("session:end"), gone = eve.client.next("disconnect");
  const last = eve.client.ask("heartbeat", { PADDING });
  assert.deepEqual(await last, { ok: false, error: TOO_LARGE });
  assert.deepEqual(await ended, { action: "retry", ...TOO_LARGE });
  assert.equal(await gone, "transport close");
  assert.equal((await bob.client.ask("heartbeat", {})).ok, true);
});

const UNANSWERABLE: [what: string, transport: string, args: [string, unknown]][] = [
  ["bytes", "websocket", ["heartbeat", new Uint8Array(MAX_PAYLOAD_BYTES + 1)]],
  ["an event whose name has no end", "websocket", [PADDING, {}]],
  ["a body of polling", "polling", ["heartbeat", { PADDING }]],
];

for (const [what, transport, args] of UNANSWERABLE) {
  Deno.test(`${what} over WEBSOCKET_MAX_PAYLOAD_BYTES ends the sender in words, and nobody else`, async () => {
    await using server = await startTether(SERVER);
    await using bob = await person(server.url, "bob");
    await using eve = await person(server.url, "eve", { transports: [transport] });
    const ended = eve.client.next("session:end"), gone = eve.client.next("disconnect");
    eve.client.socket.emit(...args);
    assert.deepEqual(await ended, { action: "retry", ...TOO_LARGE });
    assert.equal(await gone, "transport close");
    assert.equal((await bob.client.ask("heartbeat", {})).ok, true);
    const left = async () => /^tether_sessions 1$/m.test(await (await fetch(`${server.url}/metrics`)).text());
    await until(left, { what: "the end of the session" });
  });
}
