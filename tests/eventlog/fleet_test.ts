/** The fleet's parts on real Redis of every kind, several nodes in one process. */
import assert from "node:assert/strict";
import { Server } from "socket.io";
import { createFleet, type Fleet } from "../../lib/eventlog/fleet.ts";
import { createInbox } from "../../lib/eventlog/inbox.ts";
import type { RecoverableSession } from "../../lib/eventlog/recovery.ts";
import { createMetrics } from "../../lib/metrics.ts";
import { unavailable } from "../../lib/redis/errors.ts";
import { keyFamily } from "../../lib/redis/keys.ts";
import type { Redis } from "../../lib/redis/redis.ts";
import { testLog } from "../support/redis_log.ts";
import { topologies } from "../support/redis_topologies.ts";
import { until } from "../support/until.ts";

interface Node extends AsyncDisposable {
  readonly fleet: Fleet;
  readonly io: Server;
  readonly redis: Redis;
  /** What the socket got that is in `room`: the data of each event. */
  readonly delivered: unknown[][];
  /** A socket that writes down what it gets. */
  join(sid: string, rooms: string[]): Promise<unknown[][]>;
  leave(sid: string): void;
}

/** What the nodes of this process keep of sessions. */
const saved = new Map<string, string>();

async function startNode(
  redis: Redis,
  nodeId: string,
  { maxPayloadBytes = 1_000_000, rooms = ["room"] } = {},
): Promise<Node> {
  const log = testLog();
  const fleet = await createFleet({
    redis,
    nodeId,
    maxPayloadBytes,
    log,
    metrics: createMetrics(),
    prefix: "t",
    inFlightMs: 1000,
    readSaved: (pid) => Promise.resolve(saved.get(pid)),
  });
  fleet.recovery.onSave((_, value) => saved.set(JSON.parse(value).pid, value));
  const io = new Server({ adapter: fleet.adapter, connectionStateRecovery: {} });
  const { adapter, sockets } = io.of("/");
  async function join(sid: string, rooms: string[]): Promise<unknown[][]> {
    const heard: unknown[][] = [];
    const write = (frame: string): void => void heard.push(JSON.parse(frame.slice(1)));
    sockets.set(sid, { id: sid, data: {}, conn: { transport: { writable: true }, write } } as never);
    await adapter.addAll(sid, new Set([sid, ...rooms]));
    return heard;
  }
  const node = {
    fleet,
    io,
    redis,
    delivered: await join(`probe-${nodeId}`, rooms),
    join,
    leave(sid: string) {
      sockets.delete(sid);
      adapter.delAll(sid);
    },
    [Symbol.asyncDispose]: () => fleet[Symbol.asyncDispose](),
  };
  return node;
}

function entriesOf(redis: Redis, nodeId: string): Promise<[string, string[]][]> {
  const key = keyFamily(redis, "t", "fleet")("inbox", nodeId);
  return redis.send(["XRANGE", key, "-", "+"]) as Promise<[string, string[]][]>;
}

const settled = (of: () => boolean): Promise<unknown> => until(() => Promise.resolve(of()));
const names = (events: unknown[][]): unknown[] => events.map(([name]) => name);

for (const [name, start] of Object.entries(topologies)) {
  Deno.test(`a fleet on Redis ${name}`, async (t) => {
    await using topology = await start();
    await using redis = await topology.connect();
    await using redis2 = await topology.connect();
    await using redis3 = await topology.connect();
    await using one = await startNode(redis, "one");
    await using two = await startNode(redis2, "two");
    await using three = await startNode(redis3, "three", { rooms: ["elsewhere"] });
    const all = [one, two, three];
    const within = { timeoutMs: 5000 };

    await t.step("events come to both nodes in one order, each with its position", async () => {
      for (let n = 0; n < 20; n++) {
        (n % 3 === 0 ? one : two).io.to("room").emit("e", n);
        if (n % 4 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
      }
      await settled(() => one.delivered.length === 20 && two.delivered.length === 20);
      assert.deepEqual(one.delivered, two.delivered);
      const sent = one.delivered.map(([, n]) => n as number);
      assert.deepEqual(sent.toSorted((a, b) => a - b), [...Array(20).keys()]);
      for (const [, , empty, position] of one.delivered) {
        assert.equal(empty, null);
        assert.match(String(position), /^\d+-\d+\.\d+$/);
      }
    });

    await t.step("a node without a member does nothing for an event, not even when it sends it", async () => {
      const before = (await entriesOf(redis, "three")).filter(([, fields]) => fields.length > 2).length;
      three.io.to("room").emit("from three");
      await settled(() => names(one.delivered).includes("from three") && two.delivered.length === 21);
      const after = (await entriesOf(redis, "three")).filter(([, fields]) => fields.length > 2).length;
      assert.equal(after, before);
      assert.deepEqual(three.delivered, []);
      three.io.emit("to everybody");
      await settled(() => all.every(({ delivered }) => names(delivered).includes("to everybody")));
    });

    await t.step("what may be dropped goes to other nodes too, and what is local does not", async () => {
      one.io.to("room").volatile.emit("typing");
      one.io.local.to("room").emit("local");
      one.io.to("room").emit("kept");
      await settled(() => names(two.delivered).includes("kept"));
      assert.deepEqual(two.delivered.at(-2), ["typing"]);
      assert.ok(!names(two.delivered).includes("local"));
    });

    await t.step("bytes come to another node as they are", async () => {
      const heard = two.io.of("/").adapter;
      const frames: unknown[] = [];
      const conn = { transport: { writable: true }, write: (frame: unknown) => frames.push(frame) };
      two.io.of("/").sockets.set("bytes", { id: "bytes", data: {}, conn } as never);
      await heard.addAll("bytes", new Set(["bytes", "of bytes"]));
      one.io.to("of bytes").emit("e", new Uint8Array([1, 2, 255]));
      await settled(() => frames.length === 2);
      assert.match(String(frames[0]), /^51-\["e",\{"_placeholder":true,"num":0\},null,"[^"]+"\]$/);
      assert.deepEqual([...frames[1] as Uint8Array], [1, 2, 255]);
      two.leave("bytes");
    });

    await t.step("nodes tell each other, all or those that hold a room", async () => {
      const heard: unknown[] = [];
      for (const [index, { fleet }] of all.entries()) {
        fleet.bus.on("topic", (data) => heard.push([index, data]));
      }
      one.fleet.bus.publish("topic", { a: [1, "é"] });
      await settled(() => heard.length === 2);
      assert.deepEqual(heard.splice(0).toSorted(), [[1, { a: [1, "é"] }], [2, { a: [1, "é"] }]]);
      three.fleet.bus.join("watchers");
      await until(async () => {
        two.fleet.bus.publish("topic", "watched", { rooms: ["watchers"] });
        await new Promise((resolve) => setTimeout(resolve, 10));
        return heard.length > 0;
      });
      assert.deepEqual(heard[0], [2, "watched"]);
    });

    await t.step("nodes ask each other, and know when all have answered", async () => {
      for (const { fleet } of all) fleet.bus.onAsk("double", (n) => Promise.resolve(2 * Number(n)));
      const ask = (target: Parameters<Fleet["bus"]["ask"]>[0]) =>
        one.fleet.bus.ask(target, "double", 21, within);
      assert.deepEqual(await ask("others"), { answers: [42, 42], isComplete: true });
      assert.deepEqual(await ask({ room: "elsewhere" }), { answers: [42], isComplete: true });
      assert.deepEqual(await ask({ node: "two" }), { answers: [42], isComplete: true });
      for (const target of [{ room: "nowhere" }, { session: "nobody" }, { node: "gone" }]) {
        assert.deepEqual(await ask(target), { answers: [], isComplete: true });
      }
      const key = keyFamily(redis, "t", "fleet")("session_pool");
      await redis.send(["HSET", key, "sid", JSON.stringify({ sid: "sid", nodeId: "three" })]);
      assert.deepEqual(await ask({ session: "sid" }), { answers: [42], isComplete: true });
      const heard = await three.join("sid", []);
      two.io.to("sid").emit("to a session");
      await settled(() => heard.length === 1);
      three.leave("sid");
      two.fleet.bus.onAsk("never", () => new Promise(() => {}));
      const asked = performance.now();
      const answer = await one.fleet.bus.ask({ node: "two" }, "never", 1, { timeoutMs: 50 });
      assert.deepEqual(answer, { answers: [], isComplete: false });
      assert.ok(performance.now() - asked >= 49);
    });

    await t.step("what Socket.IO asks all nodes is answered", async () => {
      const adapter = one.io.of("/").adapter;
      await until(async () => await adapter.serverCount() === 3);
      let joined = 0;
      for (const { io } of all) {
        for (const socket of io.of("/").sockets.values()) Object.assign(socket, { join: () => joined++ });
      }
      one.io.socketsJoin("a room");
      await settled(() => joined === 3);
      const heard: unknown[] = [];
      for (const { io } of [two, three]) io.on("server-side", (...args) => heard.push(args));
      one.io.serverSideEmit("server-side", 5);
      await settled(() => heard.length === 2);
      assert.deepEqual(heard, [[5], [5]]);
    });

    await t.step(
      "a session is taken up on another node, whole and once, and what it is sent meanwhile comes last",
      async () => {
        const heard = await one.join("lost", ["mine", "room"]);
        one.io.to("mine").emit("got");
        await settled(() => heard.length === 1);
        const offset = String(heard[0]!.at(-1));
        const since = one.fleet.recovery.position!;
        const data = { userId: "ada", start: { since, at: Date.now(), inboxes: [] } };
        const session: RecoverableSession = { sid: "lost", pid: "p", rooms: ["lost", "mine", "room"], data };
        one.fleet.recovery.persist(session);
        one.leave("lost");
        for (const text of ["a", "b"]) three.io.to("mine").to("room").emit(text);
        one.io.to("mine").except("lost").emit("not for it");
        two.io.to("lost").emit("c");
        await settled(() => names(two.delivered).includes("b"));
        await assert.rejects(two.fleet.recovery.restore({ pid: "p", offset, userId: "eve" }), {
          code: "access/denied",
        });
        const claim = { pid: "p", offset, userId: "ada" };
        const { recovery } = two.fleet;
        const [taken, again] = await Promise.all([recovery.restore(claim), recovery.restore(claim)]);
        assert.equal(again, undefined);
        assert.deepEqual([taken!.sid, taken!.pid, taken!.data.userId], ["lost", "p", "ada"]);
        one.io.to("mine").emit("d");
        const stranger = await one.join("stranger", ["mine"]);
        await settled(() => stranger.length === 1 || names(stranger).includes("d"));
        await new Promise((resolve) => setTimeout(resolve, 50));
        const missed = taken!.open(new Set(["lost", "mine", "room"]));
        const texts = missed!.map(([text]) => JSON.parse(String(text).slice(1))[0]);
        assert.deepEqual(texts, ["a", "b", "d"]);
        one.leave("stranger");
      },
    );

    await t.step("a session whose events are no longer there is not given back", async () => {
      const since = one.fleet.recovery.position!;
      const data = { userId: "ada", start: { since, at: Date.now(), inboxes: [] } };
      one.fleet.recovery.persist({ sid: "old", pid: "q", rooms: ["old"], data });
      await redis.send(["XTRIM", keyFamily(redis, "t", "fleet")("inbox", "one"), "MAXLEN", 0]);
      const claim = { pid: "q", offset: since, userId: "ada" };
      assert.equal(await two.fleet.recovery.restore(claim), undefined);
      for (
        const bad of [{ ...claim, offset: "x" }, { ...claim, pid: "not a private id" }, {
          ...claim,
          pid: "z",
        }]
      ) {
        assert.equal(await two.fleet.recovery.restore(bad), undefined);
      }
    });

    await t.step("a node that could not send tells those who miss something, and only those", async () => {
      const missed: [number, readonly string[]][] = [];
      for (const [index, { fleet }] of all.entries()) fleet.onMissed((rooms) => missed.push([index, rooms]));
      // refused whatever comes before and after it
      const sent = keyFamily(redis, "t", "fleet")("sent");
      await redis.send(["DEL", sent]);
      await redis.send(["SET", sent, "no hash"]);
      one.io.to("elsewhere").emit("lost on its way");
      await new Promise((resolve) => setTimeout(resolve, 50));
      await redis.send(["DEL", sent]);
      await settled(() => missed.length > 0);
      assert.deepEqual(missed, [[2, ["elsewhere"]]]);
      assert.equal(three.fleet.degraded, undefined);
    });

    await t.step("when Redis has lost an inbox, its node says so and goes on", async () => {
      assert.equal(two.fleet.degraded, undefined);
      const degraded = new Promise((resolve) => two.fleet.onDegraded(resolve));
      await redis.send(["DEL", keyFamily(redis, "t", "fleet")("route", "room")]);
      await redis.send(["DEL", keyFamily(redis, "t", "fleet")("inboxes")]);
      assert.equal(await degraded, true);
      assert.equal(await new Promise((resolve) => two.fleet.onDegraded(resolve)), false);
      one.io.to("room").emit("after");
      await settled(() => names(two.delivered).includes("after"));
    });
  });
}

Deno.test("rooms and inbox of a dead node are cleared away in slices, when its time is over", async () => {
  await using topology = await topologies.standalone!();
  await using redis = await topology.connect();
  await using redis2 = await topology.connect();
  await using one = await startNode(redis, "one");
  {
    await using dead = await startNode(redis2, "dead");
    await dead.join("many", Array.from({ length: 450 }, (_, n) => `r${n}`));
    await dead.join("one more", ["room"]);
  }
  const count = async (): Promise<unknown> => [
    await redis.send(["SCARD", "t:rooms:dead"]),
    await redis.send(["EXISTS", "t:inbox:dead"]),
    (await redis.send(["SMEMBERS", "t:route:room"]) as string[]).toSorted(),
  ];
  one.io.to("room").emit("e");
  await settled(() => one.delivered.length === 1);
  assert.deepEqual(await count(), [451, 1, ["dead", "one"]]);
  assert.ok(
    (await entriesOf(redis, "dead")).some(([, fields]) => fields[0] === "one"),
    "it may be asked for",
  );
  await redis.send(["ZADD", "t:inboxes", Date.now() - 164_000, "dead"]);
  await until(async () => Number(await redis.send(["EXISTS", "t:inbox:dead"])) === 0);
  assert.deepEqual(await count(), [0, 0, ["one"]]);
  assert.deepEqual(await redis.send(["ZRANGE", "t:inboxes", 0, -1]), ["one"]);
  assert.deepEqual((await redis.send(["KEYS", "t:route:r*"]) as string[]).toSorted(), ["t:route:room"]);
});

Deno.test("an event larger than a connection takes is not published", async () => {
  await using topology = await topologies.standalone!();
  await using redis = await topology.connect();
  await using one = await startNode(redis, "one", { maxPayloadBytes: 1000 });
  one.io.emit("large", "x".repeat(1000));
  one.fleet.bus.publish("large", "x".repeat(1000));
  one.io.emit("small", "x".repeat(800));
  await settled(() => one.delivered.length > 0);
  assert.deepEqual(names(one.delivered), ["small"]);
  assert.ok(!JSON.stringify(await entriesOf(redis, "one")).includes("large"));
});

Deno.test("an inbox is still read after 20 errors of Redis and 20 of whoever takes its entries", async () => {
  await using topology = await topologies.standalone!();
  await using redis = await topology.connect();
  let failures = 0, handled = 0;
  const failing = (inner: Redis): Redis =>
    new Proxy(inner, {
      get(target, name) {
        if (name === "duplicate") return () => failing(target.duplicate());
        if (name === "send" && failures < 20) {
          return () => Promise.reject(failures++ % 2 === 0 ? unavailable() : new Error("injected"));
        }
        const value = Reflect.get(target, name, target);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  const heard: string[] = [];
  await using inbox = createInbox({
    redis: failing(redis),
    key: "t:inbox:n",
    onEntry(_, fields) {
      heard.push(fields[1]!);
      if (handled++ < 20) throw new Error("injected");
    },
    onLost: () => {},
    log: testLog(),
    onError: () => {},
  });
  for (let n = 1; n <= 30; n++) await redis.send(["XADD", "t:inbox:n", `${n}-0`, "other", n]);
  await until(() => Promise.resolve(heard.length === 30), { withinMs: 20_000 });
  assert.equal(failures, 20);
  assert.equal(inbox.position, "30-0");
  assert.equal(await inbox.reached("29-5"), true);
  assert.equal(await inbox.reached("30-1"), false);
});
