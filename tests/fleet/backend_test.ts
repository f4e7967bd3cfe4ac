/** What a back end sends through one node into pages of another, and memberships that change under open sockets. */
import assert from "node:assert/strict";
import { apiClient } from "../support/api.ts";
import { SERVICE_TOKEN, startFleet } from "../support/fleet.ts";
import { person } from "../support/people.ts";

const DATA = { data: { type: "status", data: { done: true } } };

Deno.test("a back end reaches every node", async (t) => {
  await using fleet = await startFleet({ nodes: 2 });
  const [here, there] = [fleet.nodes[0]!, fleet.nodes[1]!];
  const service = apiClient(here.url, SERVICE_TOKEN);
  const call = (sessionId: string, more: object = {}) =>
    service("POST /api/calls", { sessionId, ...DATA, ...more });
  await using ada = await person(here.url, "ada");
  await using ada2 = await person(there.url, "ada");
  await using bob = await person(there.url, "bob");

  await t.step("events find users, channels and sessions, and count those of all nodes", async () => {
    for (
      const [to, heardBy] of [
        [{ userIds: ["ada"] }, [ada, ada2]],
        [{ channelId: "general" }, [ada, ada2, bob]],
        [{ sessionId: bob.sid }, [bob]],
      ] as const
    ) {
      const heard = heardBy.map(({ client }) => client.next("events"));
      assert.deepEqual((await service("POST /api/events", { to, ...DATA })).body, {
        sessions: heardBy.length,
      });
      await Promise.all(heard);
    }
  });

  await t.step("a call is answered by a session of another node", async () => {
    bob.client.socket.on("events", (event, answer) => {
      if (typeof answer === "function" && event.data.type === "status") answer({ heard: event.data.data });
    });
    assert.deepEqual((await call(bob.sid)).body, { heard: { done: true } });
    const late = await call(bob.sid, { data: { type: "late" }, timeoutMs: 50 });
    assert.deepEqual([late.status, late.body.error.code], [504, "request/timeout"]);
  });

  await t.step("a call fails at once when the session of another node goes meanwhile", async () => {
    await using eve = await person(there.url, "eve");
    const asked = eve.client.next("events");
    const calling = call(eve.sid, { timeoutMs: 600_000 });
    await asked;
    eve.client.socket.disconnect();
    assert.equal((await calling).status, 404);
  });

  await t.step(
    "members who are added or removed hear and cease to hear on the other node at once",
    async () => {
      const { body: { channel: { id } } } = await ada.api("POST /api/channels", { name: "Plans" });
      const say = (content: string) =>
        ada.client.ask("events:channel", { channel_id: id, data: { type: "message", data: { content } } });
      const joined = bob.client.next("events:channel");
      await ada.api(`POST /api/channels/${id}/members/bob`);
      assert.deepEqual((await joined as { data: unknown }).data, { type: "channel:joined" });
      const heard = bob.client.next("events:channel");
      await say("For Bob");
      await heard;
      const left = bob.client.next("events:channel");
      await ada.api(`DELETE /api/channels/${id}/members/bob`);
      assert.deepEqual((await left as { data: unknown }).data, { type: "channel:left" });
      const before = bob.heard.length;
      await say("Not for Bob");
      // comes after it, over the same way
      const marker = bob.client.next("events");
      await service("POST /api/events", { to: { userIds: ["bob"] }, ...DATA });
      await marker;
      assert.deepEqual(bob.heard.slice(before).map(([event]) => event), ["events"]);
    },
  );

  await t.step(
    "a call to a session of a node that is killed fails, too, before or after it was asked",
    async () => {
      const asked = bob.client.next("events");
      const calling = call(bob.sid, { data: { type: "slow" }, timeoutMs: 600_000 });
      await asked;
      await there.kill();
      const { status, body } = await call(bob.sid, { timeoutMs: 600_000 });
      assert.deepEqual([status, body.error.code], [404, "access/not-found"]);
      assert.equal((await calling).status, 404);
    },
  );
});
