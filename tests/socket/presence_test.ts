/** Presence over real sockets: what is listed, what follows, for clients of this contract and for stock ones. */
import assert from "node:assert/strict";
import type { Presence } from "../../lib/protocol/events.ts";
import { userId } from "../../lib/protocol/ids.ts";
import { connect, type ForeignClient, foreignClient } from "../support/foreign_client.ts";
import { startSocketServer } from "../support/socket_server.ts";
import { testToken } from "../support/tokens.ts";

const ENV = { PRESENCE_GRACE_S: "0.05", EVENTS_PER_SECOND: "0" };

interface Watcher extends ForeignClient {
  /** What it was told, such as `bob online`, frame by frame. */
  readonly told: string[][];
  list(query?: unknown): Promise<{ users: Presence[]; total?: number; next?: string | null }>;
  /** Resolves when it is told so. */
  hears(what: string): Promise<void>;
}

function said({ id, status }: Presence): string {
  return `${id} ${status}`;
}

/** A connected client; of this contract, or a stock one. */
async function client(url: string, id: string, { stock = false } = {}): Promise<Watcher> {
  const token = await testToken({ claims: { sub: id, name: id } });
  const one = foreignClient(url, { auth: stock ? { token } : { token, protocol: 1 } });
  const told: string[][] = [], waiting = new Set<() => void>();
  const hear = (users: Presence[]): void => {
    told.push(users.map(said));
    for (const check of waiting) check();
  };
  if (stock) one.socket.on("presence:change", (user) => hear([user]));
  else one.socket.on("presence:changes", ({ users }) => hear(users));
  one.socket.on(stock ? "presence:changes" : "presence:change", () => told.push(["the wrong event"]));
  await connect(one);
  return {
    ...one,
    told,
    async list(query = {}) {
      const { ok, error, ...fields } = await one.ask("presence:list", query);
      if (!ok) throw Object.assign(new Error(error!.message), { code: error!.code });
      return fields as unknown as Awaited<ReturnType<Watcher["list"]>>;
    },
    hears: (what) =>
      new Promise((resolve) => {
        const check = (): void => {
          if (!told.flat().includes(what)) return;
          waiting.delete(check);
          resolve();
        };
        waiting.add(check);
        check();
      }),
  };
}

/** Loses the connection without a word, and comes back with what a client keeps. */
async function drop({ socket, next }: ForeignClient): Promise<void> {
  const gone = next("disconnect");
  socket.io.engine.close();
  await gone;
}

async function comeBack({ socket, next }: ForeignClient): Promise<boolean> {
  const ready = next("session:ready");
  socket.connect();
  return (await ready as { recovered: boolean }).recovered;
}

for (const stock of [false, true]) {
  const kind = stock ? "a stock client" : "a client of this contract";

  Deno.test(`${kind} hears of those whom it asked for, and no others`, async () => {
    await using server = await startSocketServer({ env: ENV });
    await using ada = await client(server.url, "ada", { stock });
    await using bob = await client(server.url, "bob");
    await using eve = await client(server.url, "eve");
    const { users, ...rest } = await ada.list({ userIds: ["bob", "nobody"] });
    assert.deepEqual([users.map(said), rest], [["bob online"], {}]);
    await eve.ask("heartbeat", { active: false });
    await bob.ask("heartbeat", { active: false });
    await ada.hears("bob away");
    await bob[Symbol.asyncDispose]();
    await ada.hears("bob offline");
    await using _back = await client(server.url, "bob");
    await ada.hears("bob online");
    assert.deepEqual(ada.told, [["bob away"], ["bob offline"], ["bob online"]]);
  });

  Deno.test(`${kind} with a page hears of those on it, and of those who come when there is room`, async () => {
    await using server = await startSocketServer({ env: ENV });
    await using bob = await client(server.url, "bob");
    await using eve = await client(server.url, "eve");
    await using ada = await client(server.url, "ada", { stock });
    const { users, total, next } = await ada.list({ limit: 2 });
    assert.deepEqual(users.map(({ id }) => id).sort(), ["ada", "eve"]);
    assert.deepEqual([total, next?.endsWith(":eve") || next?.endsWith(":ada")], [3, true]);
    await bob.ask("heartbeat", { active: false });
    await using _max = await client(server.url, "max");
    await eve.ask("heartbeat", { active: false });
    await ada.hears("eve away");
    await eve[Symbol.asyncDispose]();
    await ada.hears("eve offline");
    await using _zoe = await client(server.url, "zoe");
    await ada.hears("zoe online");
    assert.deepEqual(ada.told, [["eve away"], ["eve offline"], ["zoe online"]]);
  });

  Deno.test(`${kind} that takes its session up again watches as before, and misses nothing`, async () => {
    await using server = await startSocketServer({ env: ENV });
    await using bob = await client(server.url, "bob");
    await using zoe = await client(server.url, "zoe");
    await using ada = await client(server.url, "ada", { stock });
    await ada.list();
    await ada.list({ userIds: ["bob"] });
    for (const round of [1, 2]) {
      await using eve = await client(server.url, `eve${round}`);
      await ada.hears(`eve${round} online`);
      await drop(ada);
      await eve[Symbol.asyncDispose]();
      await bob.ask("heartbeat", { active: round === 2 });
      await using _max = await client(server.url, `max${round}`);
      assert.equal(await comeBack(ada), true);
      const news = [`eve${round} offline`, `bob ${round === 2 ? "online" : "away"}`, `max${round} online`];
      await Promise.all(news.map(ada.hears));
      ada.told.splice(0);
      for (const active of [false, true]) {
        await zoe.ask("heartbeat", { active });
        await ada.hears(`zoe ${active ? "online" : "away"}`);
      }
    }
  });

  Deno.test(`${kind} hears nothing more of who left the last channel that they shared`, async () => {
    await using server = await startSocketServer({ env: { ...ENV, PUBLIC_CHANNELS: "none" } });
    const [adaId, bobId] = ["ada", "bob"].map(userId) as [
      ReturnType<typeof userId>,
      ReturnType<typeof userId>,
    ];
    const actor = { id: adaId, name: "Ada", role: "user" };
    const channel = { name: "Team", public: false, memberIds: [bobId, userId("eve")] };
    const { id } = await server.channels.create(actor, channel);
    await using bob = await client(server.url, "bob");
    await using _stranger = await client(server.url, "zoe");
    await using ada = await client(server.url, "ada", { stock });
    await using eve = await client(server.url, "eve", { stock });
    const { users } = await ada.list({ userIds: ["bob", "zoe"] });
    assert.deepEqual(users.map(said), ["bob online"]);
    assert.deepEqual((await eve.list({ limit: 1 })).users.length, 1);
    assert.deepEqual((await ada.list()).total, 3);
    await server.channels.removeMember(actor, { channelId: id, userId: bobId });
    await bob.ask("heartbeat", { active: false });
    await using _max = await client(server.url, "max");
    await eve.ask("heartbeat", { active: false });
    await ada.hears("eve away");
    await bob.ask("heartbeat", { active: true });
    await eve.ask("heartbeat", { active: true });
    await ada.hears("eve online");
    assert.deepEqual([ada.told, eve.told.flat()], [[["eve away"], ["eve online"]], [
      "eve away",
      "eve online",
    ]]);
  });
}

Deno.test("pages of presence:list hold everybody once, the lately active first", async () => {
  await using server = await startSocketServer({ env: ENV });
  await using stack = new AsyncDisposableStack();
  const clients: Watcher[] = [];
  for (let index = 0; index < 7; index++) clients.push(stack.use(await client(server.url, `user-${index}`)));
  const listed: Presence[] = [], sizes: number[] = [];
  let after: string | null | undefined;
  do {
    const { users, total, next } = await clients[0]!.list({ limit: 3, ...(after && { after }) });
    listed.push(...users);
    sizes.push(users.length);
    assert.equal(total, 7);
    after = next;
  } while (after !== null);
  assert.deepEqual(sizes, [3, 3, 1]);
  assert.deepEqual(listed.map(({ id }) => id).sort(), clients.map((_, index) => `user-${index}`));
  const times = listed.map(({ lastActiveAt }) => lastActiveAt!);
  assert.deepEqual(times, times.toSorted((a, b) => b - a));
});

Deno.test("presence:list refuses a page that cannot be", async () => {
  await using server = await startSocketServer({ env: ENV });
  await using ada = await client(server.url, "ada");
  for (
    const query of [
      { limit: 0 },
      { limit: 501 },
      { limit: 1.5 },
      { limit: "9" },
      { after: "" },
      { after: 1 },
      {
        after: "x:ada",
      },
      { after: "1:" },
      { after: `1:${"x".repeat(201)}` },
    ]
  ) {
    await assert.rejects(ada.list(query), { code: "request/invalid" }, JSON.stringify(query));
  }
  assert.deepEqual((await ada.list({ after: "0:nobody" })).users, []);
});
