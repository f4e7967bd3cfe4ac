/** What a back end sends into open pages: `POST /api/events` and `POST /api/calls` (contract §6). */
import assert from "node:assert/strict";
import { apiClient } from "../support/api.ts";
import { type Person, person } from "../support/people.ts";
import { startTether, TEST_SECRET } from "../support/tether_process.ts";

const SERVICE_TOKEN = "a-service-token-for-tests";
const EVENT = {
  chat_id: "c1",
  message_id: "m1",
  data: { type: "status", data: { done: true, list: [1, null, "é"] } },
};

/** What the person's client answers to the next calls. */
function answering(person: Person, answer: (event: unknown) => unknown): void {
  person.client.socket.on("events", (event, reply) => reply?.(answer(event)));
}

Deno.test("a back end's events", async (t) => {
  await using server = await startTether({
    env: { JWT_SECRET: TEST_SECRET, SERVICE_TOKEN, WEBSOCKET_MAX_PAYLOAD_BYTES: "200000" },
  });
  const service = apiClient(server.url, SERVICE_TOKEN);
  await using ada = await person(server.url, "ada");
  await using ada2 = await person(server.url, "ada");
  await using bob = await person(server.url, "bob");

  await t.step("need SERVICE_TOKEN", async () => {
    for (const route of ["POST /api/events", "POST /api/calls"]) {
      const missing = await apiClient(server.url)(route, {});
      assert.deepEqual([missing.status, missing.body.error.code], [401, "auth/missing"]);
      for (
        const refused of [
          await ada.api(route, {}),
          await apiClient(server.url, `${SERVICE_TOKEN}x`)(route, {}),
        ]
      ) {
        assert.deepEqual([refused.status, refused.body.error.code], [403, "access/denied"]);
      }
    }
  });

  await t.step("reach all sessions of users, of a channel, or one session, and are counted", async () => {
    for (
      const [to, heardBy] of [
        [{ userIds: ["ada"] }, [ada, ada2]],
        [{ userIds: ["ada", "bob", "nobody"] }, [ada, ada2, bob]],
        [{ channelId: "general" }, [ada, ada2, bob]],
        [{ sessionId: ada2.sid }, [ada2]],
      ] as const
    ) {
      const heard = heardBy.map(({ client }) => client.next("events"));
      const { status, body } = await service("POST /api/events", { to, ...EVENT });
      assert.deepEqual([status, body], [200, { sessions: heardBy.length }]);
      for (const event of await Promise.all(heard)) assert.deepEqual(event, EVENT);
    }
    assert.equal(ada.heard.filter(([event]) => event === "events").length, 3);
  });

  await t.step("go to nobody where there is nobody, whatever an id looks like", async () => {
    for (const to of [{ userIds: ["nobody"] }, { channelId: "none" }, { sessionId: "user:ada" }]) {
      assert.deepEqual((await service("POST /api/events", { to, ...EVENT })).body, { sessions: 0 });
    }
  });

  await t.step("lack what they leave out", async () => {
    const heard = bob.client.next("events");
    await service("POST /api/events", { to: { userIds: ["bob"] }, data: { type: "note" }, user_id: "eve" });
    assert.deepEqual(await heard, { chat_id: null, message_id: null, data: { type: "note" } });
  });

  await t.step("of a bad shape or size are refused in words", async () => {
    const tooLarge = await service("POST /api/events", {
      to: { userIds: ["ada"] },
      data: { type: "t", data: "x".repeat(200_000) },
    });
    assert.deepEqual([tooLarge.status, tooLarge.body.error.code], [413, "request/too-large"]);
    // small on the way in, large on the way out
    const grown = await service(
      "POST /api/events",
      `{"to":{"userIds":["ada"]},"data":{"type":"t","data":[${"1e20,".repeat(20_000)}1]}}`,
    );
    assert.equal(grown.body.error.code, "request/too-large");
    const bad = await service("POST /api/events", { to: {}, ...EVENT });
    assert.deepEqual([bad.status, bad.body.error.code], [400, "request/invalid"]);
  });
});

Deno.test("a back end's calls", async (t) => {
  await using server = await startTether({ env: { JWT_SECRET: TEST_SECRET, SERVICE_TOKEN } });
  const service = apiClient(server.url, SERVICE_TOKEN);
  const call = (sessionId: string, more: object = {}) =>
    service("POST /api/calls", { sessionId, ...EVENT, ...more });

  await t.step("answer what the client acknowledges", async () => {
    await using ada = await person(server.url, "ada");
    for (const value of [{ ok: [1, "two", null] }, "yes", 0, false, null]) {
      ada.client.socket.off("events");
      answering(ada, (event) => {
        assert.deepEqual(event, EVENT);
        return value;
      });
      const { status, body } = await call(ada.sid);
      assert.deepEqual([status, body], [200, value]);
    }
    ada.client.socket.off("events");
    ada.client.socket.on("events", (_event, reply) => reply());
    assert.deepEqual((await call(ada.sid)).body, null);
  });

  await t.step("time out with a code", async () => {
    await using ada = await person(server.url, "ada");
    const { status, body } = await call(ada.sid, { timeoutMs: 50 });
    assert.deepEqual([status, body.error.code], [504, "request/timeout"]);
  });

  await t.step("fail at once when the session is gone, before or meanwhile", async () => {
    const before = await call("no-such-session");
    assert.deepEqual([before.status, before.body.error.code], [404, "access/not-found"]);
    await using ada = await person(server.url, "ada");
    const calls = Array.from({ length: 20 }, () => call(ada.sid, { timeoutMs: 600_000 }));
    await ada.client.next("events");
    ada.client.socket.disconnect();
    for (const { status } of await Promise.all(calls)) assert.equal(status, 404);
    assert.ok(!/MaxListeners/.test(server.output), "each call listens on its own");
  });

  await t.step("turn an answer that is no JSON into a code", async () => {
    await using ada = await person(server.url, "ada");
    answering(ada, () => ({ bytes: new Uint8Array(3) }));
    const { status, body } = await call(ada.sid);
    assert.deepEqual([status, body.error.code], [502, "request/bad-answer"]);
  });

  await t.step("are limited for each session", async () => {
    await using ada = await person(server.url, "ada");
    const calls = Array.from({ length: 110 }, () => call(ada.sid, { timeoutMs: 600_000 }));
    const first = await Promise.race(calls);
    assert.deepEqual([first.status, first.body.error.code], [429, "request/rate-limited"]);
    ada.client.socket.disconnect();
    const statuses = (await Promise.all(calls)).map(({ status }) => status);
    assert.equal(statuses.filter((status) => status === 429).length, 10);
  });
});
