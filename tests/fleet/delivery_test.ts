/** What is sent on one node and received on another, and what a session that was lost gets when it comes back. */
import assert from "node:assert/strict";
import { createRedis } from "../../lib/redis/client.ts";
import { apiClient } from "../support/api.ts";
import { type ForeignClient, foreignClient, refusal } from "../support/foreign_client.ts";
import { SERVICE_TOKEN, startFleet, type TestFleet } from "../support/fleet.ts";
import { type Person, person } from "../support/people.ts";
import { testLog } from "../support/redis_log.ts";
import { testToken } from "../support/tokens.ts";

const event = (text: string) => ({ chat_id: "c", message_id: "m", data: { type: "status", data: { text } } });

/** Sends to a user from a node. */
async function send(
  fleet: TestFleet,
  node: number,
  { to, text }: { to: unknown; text: string },
): Promise<void> {
  const { status } = await apiClient(fleet.nodes[node]!.url, SERVICE_TOKEN)("POST /api/events", {
    to,
    ...event(text),
  });
  assert.equal(status, 200);
}

/** The texts of the `events` that came since, in their order. */
function texts({ heard }: Person, since = 0): string[] {
  return heard.slice(since).filter(([name]) => name === "events").map(([, payload]) =>
    (payload as ReturnType<typeof event>).data.data.text
  );
}

/** Resolves when `text` has come. */
function arrival({ client, heard }: Person, text: string): Promise<void> {
  return new Promise((resolve) => {
    const check = (): void => {
      if (!heard.some(([, payload]) => JSON.stringify(payload)?.includes(`"${text}"`))) return;
      client.socket.offAny(check);
      resolve();
    };
    client.socket.onAny(check);
    check();
  });
}

/** Breaks the connection as a network does, and resolves when the server knows. */
async function drop(client: ForeignClient): Promise<void> {
  const gone = client.next("disconnect");
  client.socket.io.engine.close();
  await gone;
}

/** Connects again, to a node; resolves with `session:ready`. */
async function comeBack(client: ForeignClient, url: string): Promise<Record<string, unknown>> {
  Object.assign(client.socket.io, { uri: url });
  const ready = client.next("session:ready");
  client.socket.connect();
  return await ready as Record<string, unknown>;
}

Deno.test("events in a fleet", async (t) => {
  await using fleet = await startFleet({ env: { PRESENCE_GRACE_S: "5" } });
  const urls = fleet.nodes.map(({ url }) => url);
  await using ada = await person(urls[0]!, "ada");
  await using bob = await person(urls[1]!, "bob");
  await using eve = await person(urls[2]!, "eve");

  await t.step("an event reaches a user, a channel and a session on another node, once", async () => {
    await send(fleet, 1, { to: { userIds: ["ada"] }, text: "to a user" });
    await send(fleet, 2, { to: { channelId: "general" }, text: "to a channel" });
    await send(fleet, 0, { to: { sessionId: bob.sid }, text: "to a session" });
    await Promise.all([
      arrival(ada, "to a channel"),
      arrival(bob, "to a session"),
      arrival(eve, "to a channel"),
    ]);
    assert.deepEqual(texts(ada), ["to a user", "to a channel"]);
    assert.deepEqual(texts(bob), ["to a channel", "to a session"]);
    assert.deepEqual(texts(eve), ["to a channel"]);
  });

  await t.step("what three nodes send at once comes to all in the same order", async () => {
    const people = [ada, bob, eve];
    const since = people.map(({ heard }) => heard.length);
    const sent = Array.from({ length: 60 }, (_, n) => `n${n}`);
    await Promise.all(sent.map((text, n) => send(fleet, n % 3, { to: { channelId: "general" }, text })));
    await Promise.all(people.flatMap((person) => sent.map((text) => arrival(person, text))));
    const [first, ...others] = people.map((person, n) => texts(person, since[n]));
    assert.deepEqual(first!.toSorted(), sent.toSorted());
    for (const other of others) assert.deepEqual(other, first);
  });

  await t.step(
    "a session that comes back, 50 times, to any node, misses nothing and gets nothing twice",
    async () => {
      const presence: unknown[] = [];
      await bob.client.ask("presence:list", {});
      bob.client.socket.on("presence:change", (change) => presence.push(change));
      const since = ada.heard.length;
      const sent: string[] = [];
      for (let round = 0; round < 50; round++) {
        await drop(ada.client);
        for (const to of [{ userIds: ["ada"] }, { channelId: "general" }]) {
          const text = `r${round}-${Object.keys(to)[0]}`;
          await send(fleet, (round + 1) % 3, { to, text });
          sent.push(text);
        }
        const { recovered, sid } = await comeBack(ada.client, urls[round % 4 === 0 ? 0 : round % 3]!);
        assert.deepEqual([recovered, sid, ada.client.socket.recovered], [true, ada.sid, true]);
        await arrival(ada, sent.at(-1)!);
      }
      assert.deepEqual(texts(ada, since), sent);
      assert.deepEqual(presence, []);
      assert.deepEqual((await ada.client.ask("user-join", { auth: { token: await token("ada") } })).ok, true);
    },
  );

  await t.step("a session that had received nothing before comes back whole", async () => {
    for (let round = 0; round < 5; round++) {
      await using cleo = await person(urls[0]!, `cleo${round}`);
      await drop(cleo.client);
      await send(fleet, 2, { to: { channelId: "general" }, text: "missed" });
      const { recovered, sid } = await comeBack(cleo.client, urls[round % 3]!);
      assert.deepEqual([recovered, sid], [true, cleo.sid]);
      await arrival(cleo, "missed");
      assert.deepEqual(texts(cleo), ["missed"]);
    }
  });

  await t.step(
    "nobody else gets a lost session back, and nothing is sent before the token is verified",
    async () => {
      for (
        const [other, code] of [[await token("mallory"), "access/denied"], ["nonsense", "auth/malformed"]]
      ) {
        await using dan = await person(urls[0]!, "dan");
        await drop(dan.client);
        await send(fleet, 1, { to: { channelId: "general" }, text: "secret" });
        dan.client.socket.auth = { token: other };
        const refused = refusal(dan.client);
        dan.client.socket.connect();
        assert.equal((await refused).data.code, code);
        assert.deepEqual(texts(dan), []);
        // it is still there for the one whose it is
        dan.client.socket.auth = { token: await token("dan") };
        const { recovered, sid } = await comeBack(dan.client, urls[2]!);
        assert.deepEqual([recovered, sid], [true, dan.sid]);
        await arrival(dan, "secret");
      }
    },
  );

  await t.step("a client is back on another node before its old one knows that it was gone", async () => {
    await using fay = await person(urls[0]!, "fay");
    const { _pid: pid, _lastOffset: offset } = fay.client.socket as unknown as Record<string, string>;
    await send(fleet, 1, { to: { userIds: ["fay"] }, text: "under way" });
    await using again = foreignClient(urls[2]!, { auth: { token: await token("fay"), pid, offset } });
    const [ended, missed] = [fay.client.next("disconnect"), again.next("events")];
    again.socket.connect();
    const { sid, recovered } = await again.next("session:ready") as Record<string, unknown>;
    assert.deepEqual([sid, recovered], [fay.sid, true]);
    assert.deepEqual(await missed, event("under way"));
    await ended;
  });

  await t.step("what concerns one session is not told to the fleet", async () => {
    await using redis = createRedis({ url: fleet.redis.url, log: testLog() });
    await redis.whenUp();
    const inboxes = await redis.send(["KEYS", "tether:inbox:*"]) as string[];
    assert.equal(inboxes.length, 3);
    const entries = await Promise.all(inboxes.map((key) => redis.send(["XRANGE", key, "-", "+"])));
    const text = JSON.stringify(entries);
    assert.ok(text.includes("to a user"));
    for (const word of ["session:ready", "session:end", "session:expiring", "request/unknown-event"]) {
      assert.ok(!text.includes(word), word);
    }
  });

  await t.step("sessions of a node that is shut down go on with another, and miss nothing", async () => {
    await using gil = await person(urls[0]!, "gil");
    const gone = gil.client.next("disconnect");
    const stopped = fleet.nodes[0]!.stop();
    await gone;
    await send(fleet, 1, { to: { userIds: ["gil"] }, text: "meanwhile" });
    const { recovered, sid } = await comeBack(gil.client, urls[1]!);
    assert.deepEqual([recovered, sid], [true, gil.sid]);
    await arrival(gil, "meanwhile");
    assert.equal(await stopped, 0);
  });
});

function token(sub: string): Promise<string> {
  return testToken({ claims: { sub, name: sub[0]!.toUpperCase() + sub.slice(1) } });
}
