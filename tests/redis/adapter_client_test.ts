import assert from "node:assert/strict";
import { createAdapter } from "@socket.io/redis-streams-adapter";
import { Server } from "socket.io";
import { adapterNames, createAdapterClient } from "../../lib/redis/adapter_client.ts";
import { createRedis } from "../../lib/redis/client.ts";
import type { RedisOptions } from "../../lib/redis/options.ts";
import type { Redis } from "../../lib/redis/redis.ts";
import { testLog } from "../support/redis_log.ts";
import { startRedis } from "../support/redis_server.ts";
import { topologies } from "../support/redis_topologies.ts";

interface Node extends AsyncDisposable {
  io: Server;
  redis: Redis;
  /** What this node has heard from others. */
  heard: string[];
  /** Resolves when it has heard `count` events. */
  hears(count: number): Promise<void>;
}

interface Message {
  data?: { packet?: { data?: unknown[] } };
}

/** A Socket.IO server on the adapter, without any transport. */
function startNode(redis: Redis): Node {
  const io = new Server();
  const client = createAdapterClient(redis, { log: testLog() });
  io.adapter(createAdapter(client, adapterNames("tether")) as unknown as Parameters<Server["adapter"]>[0]);
  const heard: string[] = [];
  let check = (): void => {};
  const adapter = io.of("/").adapter as unknown as {
    uid: string;
    onMessage(message: Message & { uid: string }): void;
  };
  adapter.onMessage = ({ uid, data }) => {
    if (uid === adapter.uid || !data?.packet?.data) return;
    heard.push(String(data.packet.data[1]));
    check();
  };
  return {
    io,
    redis,
    heard,
    hears: (count) =>
      new Promise((resolve) => {
        check = () => heard.length >= count && resolve();
        check();
      }),
    async [Symbol.asyncDispose]() {
      io.of("/").adapter.close();
      await client[Symbol.asyncDispose]();
      await redis.close();
    },
  };
}

async function connect(options: Omit<RedisOptions, "log">): Promise<Redis> {
  const redis = createRedis({ ...options, log: testLog() });
  await redis.whenUp();
  return redis;
}

/** Waits until both nodes hear each other: what is sent before a node listens is not for it. */
async function greet(a: Node, b: Node): Promise<void> {
  let met = false;
  const meeting = Promise.all([a.hears(1), b.hears(1)]).then(() => met = true);
  while (!met) {
    a.io.emit("event", "hello");
    b.io.emit("event", "hello");
    await Promise.race([meeting, new Promise((resolve) => setTimeout(resolve, 20))]);
  }
}

const news = (node: Node): string[] => node.heard.filter((what) => what !== "hello");

for (const name of ["standalone", "Cluster"]) {
  Deno.test(`the adapter carries events and counts nodes on Redis ${name}`, async () => {
    await using topology = await topologies[name]!();
    await using a = startNode(await topology.connect());
    await using b = startNode(await topology.connect());
    await greet(a, b);
    for (let i = 0; i < 100; i++) a.io.emit("event", `news ${i}`);
    while (news(b).length < 100) await b.hears(b.heard.length + 1);
    assert.deepEqual(news(b), Array.from({ length: 100 }, (_, i) => `news ${i}`));
    assert.equal(await a.io.of("/").adapter.serverCount(), 2);
  });
}

Deno.test("a reader whose connection is killed misses nothing, also when it had heard nothing before", async () => {
  await using server = await startRedis();
  await using a = startNode(await connect({ url: server.url }));
  await using b = startNode(await connect({ url: server.url }));
  const killReaders = async () => {
    const clients = await a.redis.send(["CLIENT", "LIST"]) as string;
    const readers = clients.split("\n").filter((line) => line.includes("cmd=xread"));
    for (const line of readers) await a.redis.send(["CLIENT", "KILL", "ID", /^id=(\d+)/.exec(line)![1]!]);
    return readers.length;
  };
  while (await killReaders() < 2);
  a.io.emit("event", "first");
  await b.hears(1);
  for (let i = 0; i < 300; i++) {
    a.io.emit("event", `news ${i}`);
    if (i % 100 === 50) await killReaders();
  }
  await b.hears(301);
  assert.deepEqual(b.heard, ["first", ...Array.from({ length: 300 }, (_, i) => `news ${i}`)]);
});

Deno.test("while Redis is away the adapter neither throws nor spins, and hears again afterwards", async () => {
  await using server = await startRedis();
  await using a = startNode(await connect({ url: server.url }));
  await using b = startNode(await connect({ url: server.url }));
  await greet(a, b);
  const away = Promise.all(
    [a, b].map(({ redis }) => new Promise<void>((resolve) => redis.on("down", resolve))),
  );
  await server.stop("SIGKILL");
  await away;
  a.io.emit("event", "lost");
  a.io.serverSideEmit("event", "lost");
  const adapter = a.io.of("/").adapter as unknown as { persistSession(session: unknown): void };
  (a.io as unknown as { opts: unknown }).opts = {
    connectionStateRecovery: { maxDisconnectionDuration: 1000 },
  };
  adapter.persistSession({ sid: "s", pid: "p", rooms: [], data: {} });
  await server.start();
  await Promise.all([a.redis.whenUp(), b.redis.whenUp()]);
  const before = b.heard.length;
  while (b.heard.length === before) {
    a.io.emit("event", "back");
    await Promise.race([b.hears(before + 1), new Promise((resolve) => setTimeout(resolve, 20))]);
  }
  assert.equal(b.heard.at(-1), "back");
});
