/** Sessions that come back to a process that stands alone, and clients that are no part of that. */
import assert from "node:assert/strict";
import { apiClient } from "../support/api.ts";
import { connect, foreignClient, refusal } from "../support/foreign_client.ts";
import { person } from "../support/people.ts";
import { startTether, TEST_SECRET } from "../support/tether_process.ts";
import { testToken } from "../support/tokens.ts";

const SERVICE_TOKEN = "a-service-token-for-tests";
const event = (text: string) => ({ chat_id: "c", message_id: "m", data: { type: "status", data: text } });

Deno.test("recovery in one process", async (t) => {
  await using server = await startTether({
    env: { JWT_SECRET: TEST_SECRET, SERVICE_TOKEN, EVENTS_PER_SECOND: "0" },
  });
  const service = apiClient(server.url, SERVICE_TOKEN);
  const send = (text: string) =>
    service("POST /api/events", { to: { channelId: "general" }, ...event(text) });

  await t.step(
    "a session gets everything it missed, once, and keeps its sid; typing is not kept",
    async () => {
      await using ada = await person(server.url, "ada");
      await using bob = await person(server.url, "bob");
      for (let round = 0; round < 10; round++) {
        ada.heard.splice(0);
        const gone = ada.client.next("disconnect");
        ada.client.socket.io.engine.close();
        await gone;
        await bob.client.ask("events:channel", { channel_id: "general", data: { type: "typing" } });
        await send(`a${round}`);
        await send(`b${round}`);
        const second = new Promise((resolve) =>
          ada.client.socket.on("events", (payload) => payload.data.data === `b${round}` && resolve(payload))
        );
        const ready = ada.client.next("session:ready");
        ada.client.socket.connect();
        const { sid, recovered } = await ready as Record<string, unknown>;
        assert.deepEqual([sid, recovered, ada.client.socket.recovered], [ada.sid, true, true]);
        await second;
        assert.deepEqual(ada.heard.map(([name]) => name), ["session:ready", "events", "events"]);
        assert.deepEqual(ada.heard.slice(1).map(([, payload]) => payload), [
          event(`a${round}`),
          event(`b${round}`),
        ]);
      }
    },
  );

  await t.step(
    "a session whose old connection has not been noticed to be dead comes back all the same",
    async () => {
      await using ada = await person(server.url, "ada");
      const { socket } = ada.client;
      // the connection stays open on the server, while the client starts another one with what it knows
      const { _pid: pid, _lastOffset: offset } = socket as unknown as { _pid: string; _lastOffset: string };
      await using again = foreignClient(server.url, { auth: { token: await testToken(), pid, offset } });
      const ended = ada.client.next("disconnect");
      const { sid, recovered } = await connect(again);
      assert.deepEqual([sid, recovered], [ada.sid, true]);
      await ended;
    },
  );

  await t.step("a revoked token gives nothing back", async () => {
    await using ada = await person(server.url, "ada");
    const gone = ada.client.next("disconnect");
    ada.client.socket.io.engine.close();
    await gone;
    assert.equal((await ada.api("POST /api/auth/sign-out")).status < 300, true);
    const refused = refusal(ada.client);
    ada.client.socket.connect();
    assert.equal((await refused).data.code, "auth/revoked");
  });

  for (
    const [what, options] of [
      ["says so", {
        auth: async (done: (auth: unknown) => void) => done({ token: await testToken(), recovery: false }),
      }],
      ["is Python's", {
        extraHeaders: { "user-agent": "Python/3.11 aiohttp/3.8.4" },
        token: await testToken(),
      }],
      ["is Python's bare one", { extraHeaders: { origin: server.url }, token: await testToken() }],
    ] as const
  ) {
    await t.step(`a client that ${what} gets events without their positions`, async () => {
      await using plain = foreignClient(server.url, options as Parameters<typeof foreignClient>[1]);
      const heard: unknown[][] = [];
      plain.socket.onAny((...args) => heard.push(args));
      await connect(plain);
      await plain.ask("join-channels", {});
      await using other = await person(server.url, "bob");
      const both = [plain, other.client].map((client) => client.next("events"));
      await send("to all");
      assert.deepEqual(await Promise.all(both), [event("to all"), event("to all")]);
      for (const args of heard) assert.notEqual(typeof args.at(-1), "string", JSON.stringify(args));
    });
  }
});
