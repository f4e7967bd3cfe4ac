/** The HTTP endpoints of contract §6 about channels and presence, and what they do to open sockets. */
import assert from "node:assert/strict";
import { apiClient } from "../support/api.ts";
import { person } from "../support/people.ts";
import { startTether, TEST_SECRET } from "../support/tether_process.ts";

Deno.test("channels over HTTP", async (t) => {
  await using server = await startTether({ env: { JWT_SECRET: TEST_SECRET, PUBLIC_CHANNELS: "everyone" } });
  await using ada = await person(server.url, "ada");
  await using bob = await person(server.url, "bob");
  await using eve = await person(server.url, "eve");

  await t.step("everybody is in general, and nobody is without a token", async () => {
    const { status, body } = await ada.api("GET /api/channels");
    assert.equal(status, 200);
    assert.deepEqual(body, {
      channels: [{
        ...{ id: "general", name: "general", public: true, createdBy: null, createdAt: 0 },
        ...{ lastReadAt: null, unread: 0 },
      }],
    });
    const anybody = apiClient(server.url);
    for (
      const route of [
        "GET /api/channels",
        "POST /api/channels",
        "GET /api/channels/general/messages",
        "POST /api/channels/general/members/bob",
        "DELETE /api/channels/general/members/bob",
        "GET /api/presence",
      ]
    ) {
      const refused = await anybody(route);
      assert.equal(refused.status, 401, route);
      assert.equal(refused.body.error.code, "auth/missing", route);
      assert.equal(refused.headers.get("www-authenticate"), "Bearer");
    }
  });

  let id = "";
  await t.step("who makes a channel is in it at once, on open sockets too", async () => {
    const joined = ada.client.next("events:channel");
    const { status, body: { channel } } = await ada.api("POST /api/channels", { name: " News " });
    assert.equal(status, 201);
    id = channel.id;
    assert.match(id, /^[0-9A-Z]{26}$/);
    assert.deepEqual([channel.name, channel.public, channel.createdBy], ["News", false, "ada"]);
    assert.deepEqual(await joined, {
      ...{ channel_id: id, message_id: null, user: null },
      data: { type: "channel:joined" },
    });
    const sent = await ada.client.ask("events:channel", {
      channel_id: id,
      data: { type: "message", data: { content: "First" } },
    });
    assert.equal(sent.ok, true);
    const { body: { messages } } = await ada.api(`GET /api/channels/${id}/messages`);
    assert.deepEqual(messages, [{
      ...{ id: sent.id, channelId: id, parentId: null, content: "First", createdAt: sent.createdAt },
      user: { id: "ada", name: "Ada", role: "user" },
    }]);
  });

  await t.step("others neither see nor read it", async () => {
    const { body: { channels } } = await bob.api("GET /api/channels");
    assert.equal(channels.length, 1);
    for (const channel of [id, "no-such-channel"]) {
      const { status, body } = await bob.api(`GET /api/channels/${channel}/messages`);
      assert.deepEqual([status, body.error.code], [403, "access/denied"]);
    }
    assert.equal((await bob.api(`POST /api/channels/${id}/members/bob`)).status, 403);
  });

  await t.step(
    "an added member hears the next message, a removed one does not, without a reconnect",
    async () => {
      const joined = bob.client.next("events:channel");
      assert.deepEqual((await ada.api(`POST /api/channels/${id}/members/bob`)).body, { added: true });
      assert.deepEqual((await ada.api(`POST /api/channels/${id}/members/bob`)).body, { added: false });
      assert.deepEqual((await joined as { data: unknown }).data, { type: "channel:joined" });
      const heard = bob.client.next("events:channel");
      await ada.client.ask("events:channel", {
        channel_id: id,
        data: { type: "message", data: { content: "For Bob" } },
      });
      assert.equal((await heard as { data: { data: { content: string } } }).data.data.content, "For Bob");
      const [, { unread }] = (await bob.api("GET /api/channels")).body.channels;
      assert.equal(unread, 2);

      const left = bob.client.next("events:channel");
      assert.deepEqual((await ada.api(`DELETE /api/channels/${id}/members/bob`)).body, { removed: true });
      assert.deepEqual((await left as { data: unknown }).data, { type: "channel:left" });
      const before = bob.heard.length;
      await ada.client.ask("events:channel", {
        channel_id: id,
        data: { type: "message", data: { content: "Not for Bob" } },
      });
      const denied = await bob.client.ask("events:channel", {
        channel_id: id,
        data: { type: "message", data: { content: "Let me in" } },
      });
      assert.equal(denied.error?.code, "access/denied");
      // its answer came after all that was sent before it
      assert.equal(bob.heard.length, before);
    },
  );

  await t.step(
    "only its maker and administrators change who is in a channel; a member may leave",
    async () => {
      await ada.api(`POST /api/channels/${id}/members/bob`);
      assert.equal((await bob.api(`POST /api/channels/${id}/members/eve`)).status, 403);
      assert.equal((await bob.api(`DELETE /api/channels/${id}/members/ada`)).status, 403);
      await using root = await person(server.url, "root", { role: "admin" });
      assert.deepEqual((await root.api(`POST /api/channels/${id}/members/eve`)).body, { added: true });
      assert.deepEqual((await bob.api(`DELETE /api/channels/${id}/members/bob`)).body, { removed: true });
      assert.equal((await ada.api("POST /api/channels/general/members/bob")).status, 400);
      assert.equal((await root.api("POST /api/channels/no-such/members/bob")).status, 404);
      assert.equal((await eve.api("GET /api/channels")).body.channels.length, 2);
    },
  );

  await t.step("an id may have any characters", async () => {
    const user = "a/b:c@d.e|f?g#h %41";
    await using odd = await person(server.url, user);
    const joined = odd.client.next("events:channel");
    assert.deepEqual(await addAndRemove("POST"), { added: true });
    assert.equal((await joined as { channel_id: string }).channel_id, id);
    assert.deepEqual(await addAndRemove("DELETE"), { removed: true });

    async function addAndRemove(method: string): Promise<unknown> {
      return (await ada.api(`${method} /api/channels/${id}/members/${encodeURIComponent(user)}`)).body;
    }
  });

  await t.step("a public channel is everybody's at once", async () => {
    const joined = eve.client.next("events:channel");
    const { body: { channel } } = await ada.api("POST /api/channels", { name: "All", public: true });
    assert.equal((await joined as { channel_id: string }).channel_id, channel.id);
    const { channelIds } = await bob.client.ask("join-channels", {});
    assert.deepEqual(new Set(channelIds as string[]), new Set(["general", channel.id]));
  });

  await t.step("a bad body is answered in words", async () => {
    for (
      const [body, says] of [
        ["{", /not valid JSON/],
        [[], /must be an object/],
        [{}, /"name" is missing/],
        [{ name: "x".repeat(101) }, /1 to 100/],
        [{ name: "ok", memberIds: "bob" }, /list of 0 to 100 ids/],
      ] as const
    ) {
      const refused = await ada.api("POST /api/channels", body);
      assert.deepEqual([refused.status, refused.body.error.code], [400, "request/invalid"]);
      assert.match(refused.body.error.message, says);
    }
    const huge = await ada.api("POST /api/channels", { name: "x".repeat(200_000) });
    assert.deepEqual([huge.status, huge.body.error.code], [413, "request/too-large"]);
  });

  await t.step("presence lists whom one may see", async () => {
    const { body: { users } } = await ada.api("GET /api/presence");
    const statuses = Object.fromEntries(
      users.map((user: { id: string; status: string }) => [user.id, user.status]),
    );
    assert.deepEqual([statuses.ada, statuses.bob, statuses.eve], ["online", "online", "online"]);
  });
});
