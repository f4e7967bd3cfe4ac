/** The fleet's parts on real Redis of every kind, several nodes in one process. */
import assert from "node:assert/strict";
import { Server } from "socket.io";
import { createMetrics } from "../../lib/metrics.ts";
import { createFleet, type Fleet } from "../../lib/eventlog/fleet.ts";
import { createLink, type Heard } from "../../lib/eventlog/link.ts";
import { createRedisSessions } from "../../lib/eventlog/sessions.ts";
import { keyFamily } from "../../lib/redis/keys.ts";
import type { Redis } from "../../lib/redis/redis.ts";
import { unavailable } from "../../lib/redis/errors.ts";
import { testLog } from "../support/redis_log.ts";
import { topologies } from "../support/redis_topologies.ts";
import { until } from "../support/until.ts";

interface Node extends AsyncDisposable {
  fleet: Fleet;
  io: Server;
  redis: Redis;
  /** What was delivered here: the data of each event. */
  delivered: unknown[][];
}

async function node(redis: Redis, nodeId: string, { maxPayloadBytes = 1_000_000 } = {}): Promise<Node> {
  const fleet = await createFleet({
    ...{ redis, nodeId, maxPayloadBytes, log: testLog(), metrics: createMetrics() },
    prefix: "t",
    inFlightMs: 1000,
  });
  const io = new Server({ adapter: fleet.adapter, connectionStateRecovery: {} });
  const delivered: unknown[][] = [];
  // a socket that writes down what it gets
  const adapter = io.of("/").adapter;
  adapter.addAll("probe", new Set(["probe", "room"]));
  const socket = {
    id: "probe",
    conn: {
      transport: { writable: true },
      write: (frame: string) => delivered.push(JSON.parse(frame.slice(1))),
    },
  };
  io.of("/").sockets.set("probe", socket as never);
  return {
    ...{ fleet, io, redis, delivered },
    async [Symbol.asyncDispose]() {
      adapter.close();
      await fleet[Symbol.asyncDispose]();
    },
  };
}

for (const [name, start] of Object.entries(topologies)) {
  // node-redis keeps a Cluster's subscriber that is closed while it connects
  const sanitize = name !== "Cluster";
  Deno.test(`a fleet on Redis ${name}`, { sanitizeOps: sanitize, sanitizeResources: sanitize }, async (t) => {
    await using topology = await start();
    await using redis = await topology.connect();
    await using redis2 = await topology.connect();
    await using one = await node(redis, "one");
    await using two = await node(redis2, "two");

    await t.step("events come to both nodes in one order, each with its position", async () => {
      for (let n = 0; n < 20; n++) (n % 3 === 0 ? one : two).io.to("room").emit("e", n);
      await until(() => Promise.resolve(one.delivered.length === 20 && two.delivered.length === 20));
      assert.deepEqual(one.delivered, two.delivered);
      assert.deepEqual(one.delivered.map(([, n]) => n as number).toSorted((a, b) => a - b), [
        ...Array(20).keys(),
      ]);
      for (const [, , empty, position] of one.delivered) {
        assert.equal(empty, null);
        assert.match(String(position), /^\d+-\d+$/);
      }
    });

    await t.step("what may be dropped goes to both nodes too, and is not kept", async () => {
      const since = one.fleet.recovery.position!;
      one.io.to("room").volatile.emit("typing");
      one.io.to("room").emit("kept");
      await until(() => Promise.resolve(two.delivered.length === 22));
      assert.deepEqual(two.delivered[20], ["typing"]);
      const missed = two.fleet.recovery.missed(since, new Set(["room"]));
      assert.deepEqual(missed?.map(([name]) => name), ["kept"]);
    });

    await t.step("nodes tell and ask each other", async () => {
      const told = new Promise((resolve) => two.fleet.bus.on("topic", resolve));
      one.fleet.bus.publish("topic", { a: [1, "é"] });
      assert.deepEqual(await told, { a: [1, "é"] });
      two.fleet.bus.onAsk("double", (n) => 2 * Number(n));
      assert.deepEqual(await one.fleet.bus.ask("double", 21), [42]);
    });

    await t.step("a node that comes later knows what was sent before", async () => {
      await using redis3 = await topology.connect();
      await using three = await node(redis3, "three");
      const position = one.delivered[10]!.at(-1) as string;
      assert.deepEqual(
        three.fleet.recovery.missed(position, new Set(["room"])),
        one.fleet.recovery.missed(position, new Set(["room"])),
      );
      assert.deepEqual(three.delivered, []);
      assert.equal(three.fleet.recovery.missed(position, new Set(["room"]))!.length, 10);
    });

    await t.step("a session is given to one of those who ask for it", async () => {
      const sessions = createRedisSessions({
        redis,
        key: (pid) => `t:fleet:session:${pid}`,
        log: testLog(),
      });
      const session = { sid: "s", pid: "p", rooms: ["s", "user:a"], data: { userId: "a" }, arrived: "1-0" };
      sessions.save(session);
      const missing: string[] = [];
      const taken = await Promise.all([1, 2].map(() => sessions.take("p", (pid) => missing.push(pid))));
      assert.deepEqual(taken.filter((one) => one !== undefined), [session]);
      assert.deepEqual(missing, ["p"]);
      assert.equal(await sessions.take("not a private id", () => assert.fail()), undefined);
    });

    await t.step("when Redis has lost a message, the numbers tell", async () => {
      assert.equal(one.fleet.degraded, undefined);
      const degraded = new Promise((resolve) => one.fleet.onDegraded(resolve));
      for (const seq of [1, 3]) {
        await redis.send([
          "XADD",
          keyFamily(redis, "t", "fleet")("fleet", "stream"),
          "*",
          "from",
          "x",
          "topic",
          "none",
          "data",
          "1",
          "seq",
          seq,
        ]);
      }
      assert.equal(await degraded, true);
      assert.match(one.fleet.degraded!, /1 messages? of another node/);
      assert.equal(one.fleet.recovery.missed(one.delivered[10]!.at(-1) as string, new Set()), undefined);
      assert.equal(await new Promise((resolve) => one.fleet.onDegraded(resolve)), false);
    });
  });
}

Deno.test("an event larger than a connection takes is not published", async () => {
  await using topology = await topologies.standalone!();
  await using redis = await topology.connect();
  await using one = await node(redis, "one", { maxPayloadBytes: 1000 });
  one.io.emit("large", "x".repeat(1000));
  one.fleet.bus.publish("large", "x".repeat(1000));
  one.io.emit("small", "x".repeat(800));
  await until(() => Promise.resolve(one.delivered.length > 0));
  assert.deepEqual(one.delivered.map(([name]) => name), ["small"]);
  const entries = await redis.send(["XRANGE", "t:fleet:stream", "-", "+"]) as [string, string[]][];
  assert.equal(entries.filter(([, fields]) => fields.join().includes("large")).length, 0);
});

Deno.test("the link's loops are still running after 20 errors each", async () => {
  await using topology = await topologies.standalone!();
  await using redis = await topology.connect();
  let failures = 0, handled = 0;
  const failing = (inner: Redis): Redis =>
    new Proxy(inner, {
      get(target, name) {
        if (name === "duplicate") return () => failing(target.duplicate());
        if (name === "send" && failures < 40) {
          return () => Promise.reject(failures++ % 2 === 0 ? unavailable() : new Error("injected"));
        }
        const value = Reflect.get(target, name, target);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  const heard: Heard[] = [];
  await using link = createLink({
    ...{ redis: failing(redis), key: "t:fleet:stream", nodeId: "n", keepMs: 1000, log: testLog() },
    probeIntervalMs: 10,
    onHeard: (_, message) => {
      if (message === undefined) return;
      heard.push(message);
      if (handled++ < 20) throw new Error("injected");
    },
    onMissed: () => {},
    onDeaf: () => {},
  });
  await link.whenHearing(AbortSignal.timeout(20_000));
  assert.equal(failures, 40);
  for (let n = 1; n <= 30; n++) {
    await redis.send(["XADD", "t:fleet:stream", "*", "from", "other", "n", n, "seq", n]);
  }
  await until(() => Promise.resolve(heard.length === 30));
  const delivered = new Promise((resolve) => link.send({ a: "b" }, { deliver: resolve }));
  assert.match(String(await delivered), /-/);
});
