/** Sessions are as valid as their tokens at every moment, over real sockets. */
import assert from "node:assert/strict";
import type { RevocationStore } from "../../lib/auth/revocation_store.ts";
import type { ChannelStore } from "../../lib/channel/store.ts";
import { channelId, userId } from "../../lib/protocol/ids.ts";
import { createMemoryRosterStore } from "../../lib/roster/memory_store.ts";
import { connect, foreignClient, refusal } from "../support/foreign_client.ts";
import { openChannelStore, openRevocationStore } from "../support/kv_stores.ts";
import { startSocketServer } from "../support/socket_server.ts";
import { testToken } from "../support/tokens.ts";

const SHORT = { JWT_CLOCK_TOLERANCE: "0", AUTH_EXPIRY_NOTICE_S: "1" };
const ada = userId("ada");

interface End {
  code: string;
  action: string;
}

async function codesOf(end: Promise<unknown>): Promise<[string, string]> {
  const { code, action } = await end as End;
  return [code, action];
}

/** A promise, and what settles it. */
function gate(): { readonly opened: Promise<void>; open(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: resolve };
}

Deno.test("a session of 3 s is warned and ends with its token; a refreshed one goes on and misses nothing", async () => {
  await using server = await startSocketServer({ env: { ...SHORT, EVENTS_PER_SECOND: "0" } });
  await using left = foreignClient(server.url, { token: await testToken({ expiresInS: 3 }) });
  await using renewed = foreignClient(server.url, { token: await testToken({ expiresInS: 3 }) });
  await using sender = foreignClient(server.url, { token: await testToken({ claims: { sub: "bob" } }) });
  const [{ expiresAt }, { sid }] = await Promise.all([connect(left), connect(renewed), connect(sender)]);
  for (const client of [left, renewed, sender]) await client.ask("join-channels");

  const heard: unknown[] = [], roles: unknown[] = [];
  renewed.socket.on("events:channel", ({ data }) => heard.push(data.data.content));
  sender.socket.on(
    "events:channel",
    ({ user, data }) => data.data.content === "hello" && roles.push(user.role),
  );
  let sent = 0;
  const say = (client: typeof left, content: string) =>
    client.ask("events:channel", { channel_id: "general", data: { type: "message", data: { content } } });
  const ticker = setInterval(() => void say(sender, `${sent++}`), 20);
  try {
    const ended = left.next("session:end"), gone = left.next("disconnect");
    const notices = await Promise.all([left.next("session:expiring"), renewed.next("session:expiring")]);
    assert.deepEqual(notices, [{ expiresAt }, { expiresAt }]);
    const early = (expiresAt as number) - Date.now();
    assert.ok(early > 500 && early <= 1100, `warned ${early} ms ahead`);

    const token = await testToken({ expiresInS: 60, claims: { role: "editor" } });
    const answer = await renewed.ask("auth:refresh", { token });
    assert.ok(answer.ok && (answer.expiresAt as number) > Date.now() + 50_000);

    assert.deepEqual(await codesOf(ended), ["session/expired", "reauth"]);
    const late = Date.now() - (expiresAt as number);
    assert.ok(late >= 0 && late < 500, `ended ${late} ms after its token`);
    assert.equal(await gone, "io server disconnect");

    // the other one is there, with its new role
    assert.equal(renewed.socket.id, sid);
    await say(renewed, "hello");
  } finally {
    clearInterval(ticker);
  }
  await say(sender, "last");
  await renewed.ask("heartbeat");
  const numbers = heard.filter((content) => content !== "hello" && content !== "last");
  assert.deepEqual(numbers, Array.from({ length: sent }, (_, n) => `${n}`));
  assert.equal(heard.at(-1), "last");
  assert.deepEqual(roles, ["editor"]);
  assert.equal(server.socketServer.size, 2);
});

Deno.test("the tolerance with which tokens are verified is given to live sessions too", async () => {
  await using server = await startSocketServer({ env: { ...SHORT, JWT_CLOCK_TOLERANCE: "1" } });
  await using client = foreignClient(server.url, { token: await testToken({ expiresInS: 1 }) });
  const { expiresAt } = await connect(client);
  assert.deepEqual(await codesOf(client.next("session:end")), ["session/expired", "reauth"]);
  const late = Date.now() - (expiresAt as number);
  assert.ok(late >= 1000 && late < 1500, `ended ${late} ms after its token`);
});

Deno.test("auth:refresh refuses whatever is not a good token of the same user, and the session goes on", async () => {
  await using server = await startSocketServer();
  await using client = foreignClient(server.url, { token: await testToken() });
  const { expiresAt } = await connect(client);
  const revoked = await testToken({ claims: { jti: "gone" } });
  await server.revocations.revokeToken({
    ...{ jti: "gone", user: { id: userId("other"), name: "", role: "" } },
    ...{ family: null, issuedAt: null, expiresAt: null },
  });
  const cases: [unknown, string][] = [
    [await testToken({ claims: { sub: "eve" } }), "access/denied"],
    [await testToken({ secret: "another-secret-of-at-least-32-bytes!" }), "auth/invalid-signature"],
    [await testToken({ expiresInS: -60 }), "auth/expired"],
    [revoked, "auth/revoked"],
    ["x", "auth/malformed"],
    ["", "request/invalid"],
    [undefined, "request/invalid"],
    [{ token: "x" }, "request/invalid"],
    ["x".repeat(20_000), "request/invalid"],
  ];
  for (const [token, code] of cases) {
    const { ok, error } = await client.ask("auth:refresh", { token });
    assert.deepEqual([ok, error?.code], [false, code]);
  }
  const again = await client.ask("auth:refresh", { token: await testToken({ expiresInS: 7200 }) });
  assert.ok((again.expiresAt as number) > (expiresAt as number));
});

Deno.test("auth:refresh reads the memberships again; a removed channel is left at once", async () => {
  using store = await openChannelStore();
  await using server = await startSocketServer({ channelStore: store });
  const actor = { id: ada, name: "Ada", role: "user" };
  const { id } = await server.channels.create(actor, {
    name: "secret",
    public: false,
    memberIds: [userId("bob")],
  });
  await using ada1 = foreignClient(server.url, { token: await testToken() });
  await using bob = foreignClient(server.url, { token: await testToken({ claims: { sub: "bob" } }) });
  for (const client of [ada1, bob]) {
    await connect(client);
    assert.deepEqual((await client.ask("join-channels")).channelIds, ["general", id]);
  }
  const heard: unknown[] = [];
  bob.socket.on("events:channel", ({ data }) => heard.push(data.type));
  const say = () =>
    ada1.ask("events:channel", { channel_id: id, data: { type: "message", data: { content: "hi" } } });
  await say();
  await bob.ask("heartbeat");
  assert.deepEqual(heard, ["message"]);
  // as another node would, whose message was lost
  await store.removeMember(channelId(id), userId("bob"));
  await bob.ask("auth:refresh", { token: await testToken({ claims: { sub: "bob" } }) });
  await say();
  await bob.ask("heartbeat");
  assert.deepEqual(heard, ["message"]);
  const { error } = await bob.ask("events:channel", { channel_id: id, data: { type: "typing" } });
  assert.equal(error?.code, "access/denied");
});

Deno.test("a refresh that outlives its session leaves nothing behind", async () => {
  using memory = await openChannelStore();
  const asked = gate(), answer = gate();
  let isHeld = false;
  const channelStore: ChannelStore = {
    ...bound(memory),
    async memberships(id) {
      if (isHeld) {
        asked.open();
        await answer.opened;
      }
      return await memory.memberships(id);
    },
  };
  await using server = await startSocketServer({ channelStore });
  await using client = foreignClient(server.url, { token: await testToken() });
  const { sid } = await connect(client);
  isHeld = true;
  client.socket.emit("auth:refresh", { token: await testToken() });
  await asked.opened;
  const other = foreignClient(server.url, { token: await testToken({ claims: { sub: "bob" } }) });
  await connect(other);
  client.socket.disconnect();
  // what the server does about the one comes before what it does about the other
  while (server.socketServer.size > 1) await other.ask("heartbeat");
  answer.open();
  await other.ask("heartbeat");
  assert.equal(await server.socketServer.endAnywhere(sid as never), false);
  assert.equal(
    await server.socketServer.outbound.emit({ channelId: channelId("general") }, {
      ...{ chat_id: null, message_id: null },
      data: { type: "x" },
    }),
    0,
  );
  await other[Symbol.asyncDispose]();
});

Deno.test("a revocation that falls between the check and the connection is not missed", async (t) => {
  const revocations: [string, (server: Awaited<ReturnType<typeof startSocketServer>>) => Promise<void>][] = [
    ["the token's", ({ revocations }) =>
      revocations.revokeToken({
        ...{ jti: "t1", user: { id: ada, name: "Ada", role: "user" } },
        ...{ family: null, issuedAt: null, expiresAt: null },
      })],
    ["the user's", ({ revocations }) => revocations.revokeUser(ada)],
    [
      "one that another node announces",
      ({ revocations }) => Promise.resolve(revocations.receive({ kind: "token", userId: "ada", jti: "t1" })),
    ],
  ];
  for (const [what, revoke] of revocations) {
    await t.step(`${what}, while the revocations are asked`, async () => {
      using memory = await openRevocationStore();
      const asked = gate(), answer = gate();
      const revocationStore: RevocationStore = {
        ...memory,
        async areRevoked(identities) {
          // what is true now is told later
          const revoked = await memory.areRevoked(identities);
          asked.open();
          await answer.opened;
          return revoked;
        },
      };
      await using server = await startSocketServer({ revocationStore });
      await using client = foreignClient(server.url, { token: await testToken({ claims: { jti: "t1" } }) });
      const ended = client.next("session:end");
      client.socket.connect();
      await asked.opened;
      await revoke(server);
      answer.open();
      assert.deepEqual(await codesOf(ended), ["session/revoked", "reauth"]);
      assert.equal(server.socketServer.size, 0);
    });

    await t.step(`${what}, while the session is written`, async () => {
      const memory = await createMemoryRosterStore({ savedMs: 1 });
      const asked = gate(), answer = gate();
      const rosterStore = {
        ...bound(memory),
        async write(...[writer, batch]: Parameters<typeof memory.write>) {
          if (batch.entries.length > 0) {
            asked.open();
            await answer.opened;
          }
          return await memory.write(writer, batch);
        },
      };
      await using server = await startSocketServer({ rosterStore });
      await using client = foreignClient(server.url, { token: await testToken({ claims: { jti: "t1" } }) });
      const ended = client.next("session:end");
      client.socket.connect();
      await asked.opened;
      await revoke(server);
      answer.open();
      assert.deepEqual(await codesOf(ended), ["session/revoked", "reauth"]);
      assert.equal(server.socketServer.size, 0);
    });
  }

  await t.step("the new token's, while a refresh is checked", async () => {
    using memory = await openRevocationStore();
    const asked = gate(), answer = gate();
    const revocationStore: RevocationStore = {
      ...memory,
      async areRevoked(identities) {
        const revoked = await memory.areRevoked(identities);
        if (identities[0]?.jti === "t2") {
          asked.open();
          await answer.opened;
        }
        return revoked;
      },
    };
    await using server = await startSocketServer({ revocationStore });
    await using client = foreignClient(server.url, { token: await testToken({ claims: { jti: "t1" } }) });
    await connect(client);
    const ended = client.next("session:end");
    client.socket.emit("auth:refresh", { token: await testToken({ claims: { jti: "t2" } }) });
    await asked.opened;
    await server.revocations.revokeToken({
      ...{ jti: "t2", user: { id: ada, name: "Ada", role: "user" } },
      ...{ family: null, issuedAt: null, expiresAt: null },
    });
    answer.open();
    assert.deepEqual(await codesOf(ended), ["session/revoked", "reauth"]);
  });
});

Deno.test("a revocation that nobody told this node of ends its sessions within a lease", async () => {
  using revocationStore = await openRevocationStore();
  // far shorter than a setting may be: a lease of 150 ms
  await using server = await startSocketServer({ revocationStore, config: { heartbeatIntervalMs: 50 } });
  await using one = foreignClient(server.url, { token: await testToken({ claims: { jti: "t1" } }) });
  await using other = foreignClient(server.url, { token: await testToken({ claims: { jti: "t2" } }) });
  await Promise.all([connect(one), connect(other)]);
  const ended = one.next("session:end");
  await revocationStore.revokeToken("t1", Date.now() + 3_600_000);
  assert.deepEqual(await codesOf(ended), ["session/revoked", "reauth"]);
  assert.ok((await other.ask("heartbeat")).ok);
});

Deno.test("with the store of revocations down AUTH_WHEN_STORE_DOWN decides, and live sessions go on", async (t) => {
  let isDown = false;
  using memory = await openRevocationStore();
  const revocationStore: RevocationStore = {
    ...memory,
    areRevoked: (identities) =>
      isDown ? Promise.reject(new Error("connection refused")) : memory.areRevoked(identities),
  };
  for (const setting of ["refuse", "admit"] as const) {
    await t.step(setting, async () => {
      isDown = false;
      await using server = await startSocketServer({
        revocationStore,
        env: { AUTH_WHEN_STORE_DOWN: setting },
        config: { heartbeatIntervalMs: 50 },
      });
      await using before = foreignClient(server.url, { token: await testToken() });
      await connect(before);
      isDown = true;
      await using client = foreignClient(server.url, { token: await testToken(), protocol: 1 });
      if (setting === "admit") {
        await connect(client);
      } else {
        const refused = refusal(client);
        client.socket.connect();
        assert.deepEqual((await refused).data, { code: "server/unavailable", action: "retry" });
      }
      const { ok, error } = await before.ask("auth:refresh", { token: await testToken() });
      assert.equal(ok, setting === "admit");
      assert.equal(error?.code, setting === "admit" ? undefined : "server/unavailable");
      assert.ok((await before.ask("heartbeat")).ok);
    });
  }
});

/** The methods of `object`, so that some can be replaced. */
function bound<Store extends object>(object: Store): Store {
  const names = Object.getOwnPropertyNames(Object.getPrototypeOf(object)).concat(Object.keys(object));
  const methods = names.filter((name) => name !== "constructor").map((name) => {
    const value = object[name as keyof Store];
    return [name, typeof value === "function" ? value.bind(object) : value];
  });
  return Object.fromEntries(methods);
}
