/** What a node hears of presence and what it passes on, with a roster, a bus and sockets by hand. */
import assert from "node:assert/strict";
import type { ChannelService } from "../../lib/channel/service.ts";
import type { NodeBus } from "../../lib/eventlog/node_bus.ts";
import type { Presence, PresenceStatus } from "../../lib/protocol/events.ts";
import { type UserId, userId } from "../../lib/protocol/ids.ts";
import type { Roster } from "../../lib/roster/roster.ts";
import { MAX_WATCHED } from "../../lib/socket/presence_feed.ts";
import { createPresenceWatch, type PresenceWatch } from "../../lib/socket/presence_watch.ts";
import type { LiveSession, SavedWatch } from "../../lib/socket/types.ts";
import { until } from "../support/until.ts";

function is(id: string, status: PresenceStatus): Presence {
  return { id: userId(id), name: id, status, lastActiveAt: 1 };
}

interface TestSession {
  live: LiveSession;
  /** What it got. */
  frames: string[];
  /** Loses the connection: what is kept of it. */
  lose(): { watching?: SavedWatch };
}

function session(
  sid: string,
  { isStock = false, watching }: { isStock?: boolean; watching?: SavedWatch } = {},
): TestSession {
  const frames: string[] = [];
  const socket = {
    id: sid,
    connected: true,
    data: watching === undefined ? {} : { watching },
    conn: { write: (frame: string) => frames.push(frame) },
    join() {},
    on: (_event: "disconnecting", listener: () => void) => onLost = listener,
  };
  let onLost: () => void = () => {};
  return {
    live: { sid, identity: { user: { id: userId("ada") } }, isStock, socket } as unknown as LiveSession,
    frames,
    lose() {
      onLost.call(socket);
      socket.connected = false;
      return socket.data;
    },
  };
}

interface Node {
  watch: PresenceWatch;
  /** The roster announces what the step after the last one changed, or an earlier one. */
  announce(changes: Presence[], step?: number): void;
  /** Another node publishes. */
  publish(message: unknown): void;
  published: unknown[];
  errors: unknown[];
  list(live: LiveSession, query?: object): Promise<{ users: Presence[] }>;
}

function node(read: (userIds: readonly UserId[]) => Presence[] | Promise<Presence[]>): Node & Disposable {
  let announce: (changes: Presence[], step: number) => void = () => {};
  let publish: Node["publish"] = () => {};
  let steps = 0;
  const published: unknown[] = [], errors: unknown[] = [];
  const watch = createPresenceWatch({
    roster: {
      presence: (userIds) => Promise.resolve(read(userIds)),
      recent: async () => ({ users: await read([]), next: null, total: 0 }),
      onChange(listener) {
        announce = listener;
        return () => announce = () => {};
      },
    } as Partial<Roster> as Roster,
    channels: {
      visibleTo: (_: UserId, others: UserId[]) => Promise.resolve(others),
      areAllVisible: () => Promise.resolve(true),
    } as Partial<ChannelService> as ChannelService,
    bus: {
      publish: (_topic, message) => published.push(message),
      on: (_topic, listener) => publish = listener,
    } as Partial<NodeBus> as NodeBus,
    onError: (error) => errors.push(error),
  });
  return {
    watch,
    announce: (changes, step = ++steps) => announce(changes, step),
    publish: (message) => publish(message),
    published,
    errors,
    list: async (live, query = {}) =>
      await watch.handlers["presence:list"]!(live, { limit: 100, ...query }) as { users: Presence[] },
    [Symbol.dispose]: watch.close,
  };
}

const some = (frames: unknown[], count = 1) => until(() => Promise.resolve(frames.length >= count));

Deno.test("a change of this node goes to its watchers as each of them takes it, and to the other nodes", async () => {
  using one = node(() => [is("bob", "online"), is("eve", "online")]);
  const ours = session("ours"), stock = session("stock", { isStock: true });
  for (const { live } of [ours, stock]) await one.list(live, { userIds: ["bob", "eve"] });
  const changes = [is("bob", "away"), is("eve", "offline")];
  // what the roster adds for itself goes nowhere
  one.announce(changes.map((change) => ({ ...change, version: 7 })));
  await some(stock.frames, 2);
  await some(ours.frames);
  assert.deepEqual(ours.frames, [`2${JSON.stringify(["presence:changes", { users: changes }])}`]);
  assert.deepEqual(stock.frames, changes.map((change) => `2${JSON.stringify(["presence:change", change])}`));
  assert.equal(one.published.length, 1);
});

Deno.test("a change of another node goes to the watchers of this one, and no further", async () => {
  using one = node(() => [is("bob", "online")]);
  const ours = session("ours");
  await one.list(ours.live, { userIds: ["bob"] });
  one.publish({ of: "another version" });
  one.publish({ step: 1, changes: [is("bob", "away")] });
  await some(ours.frames);
  assert.match(ours.frames[0]!, /"bob".*"away"/);
  assert.deepEqual(one.published, []);
});

Deno.test("what another node tells late, of a step before the last one, is no longer so", async () => {
  using one = node(() => [is("bob", "online"), is("eve", "online")]);
  const ours = session("ours");
  await one.list(ours.live, { userIds: ["bob", "eve"] });
  one.announce([is("bob", "online")], 7);
  one.publish({ step: 5, changes: [is("bob", "offline"), is("eve", "away")] });
  await some(ours.frames);
  assert.match(ours.frames[0]!, /^[^b]*"eve".*"away"[^b]*$/);
  // what two slices of one step say is as good
  one.publish({ step: 7, changes: [is("bob", "away")] });
  await some(ours.frames, 2);
});

Deno.test("the end of a dead node's thousands of sessions is published a thousand at a time", () => {
  using one = node(() => []);
  one.announce(Array.from({ length: 2_500 }, (_, index) => is(`user-${index}`, "offline")));
  const sizes = one.published.map((message) => (message as { changes: unknown[] }).changes.length);
  assert.deepEqual(sizes, [1_000, 1_000, 500]);
});

Deno.test("what changes while a list is read is told after it", async () => {
  const reading = Promise.withResolvers<Presence[]>();
  using one = node(() => reading.promise);
  const ours = session("ours");
  const listed = one.list(ours.live);
  await Promise.resolve();
  one.announce([is("bob", "away"), is("new", "online")]);
  reading.resolve([is("bob", "online"), is("eve", "online")]);
  assert.equal((await listed).users.length, 2);
  await some(ours.frames);
  assert.match(ours.frames[0]!, /"bob".*"away".*"new".*"online"/);
});

Deno.test("a session that ends while a list is read watches nobody", async () => {
  const reading = Promise.withResolvers<Presence[]>();
  using one = node(() => reading.promise);
  const ours = session("ours"), other = session("other");
  const listed = one.list(ours.live, { userIds: ["bob"] });
  ours.lose();
  one.watch.end(ours.live.sid);
  reading.resolve([is("bob", "online")]);
  await listed;
  await one.list(other.live, { userIds: ["bob"] });
  one.announce([is("bob", "away")]);
  await some(other.frames);
  assert.deepEqual(ours.frames, []);
});

Deno.test("a session can watch 5,000 users; those it watches already do not count", async () => {
  using one = node((ids) => ids.map((id) => is(id, "offline")));
  const { live } = session("ours");
  const round = (number: number) => ({ userIds: Array.from({ length: 1_000 }, (_, i) => `${number}-${i}`) });
  for (let number = 0; number < MAX_WATCHED / 1_000; number++) await one.list(live, round(number));
  await one.list(live, round(0));
  await assert.rejects(one.list(live, { userIds: ["one-more"] }), { code: "request/invalid" });
});

Deno.test("a session that is lost says whom it watches, and watches them again when it is taken up", async () => {
  let statuses: Presence[] = [is("bob", "online"), is("eve", "online")];
  using one = node((ids) => ids.length === 0 ? statuses : statuses.filter(({ id }) => ids.includes(id)));
  const before = session("before");
  await one.list(before.live);
  await one.list(before.live, { userIds: ["bob"] });
  const kept = before.lose();
  assert.deepEqual(kept, { watching: { asked: ["bob"], page: { places: 100, userIds: ["eve"] } } });
  one.watch.end(before.live.sid);

  statuses = [is("bob", "offline"), is("eve", "online"), is("max", "away"), is("old", "offline")];
  const after = session("after", { ...kept, isStock: true });
  await one.watch.resume(after.live, []);
  await some(after.frames, 3);
  one.announce([is("eve", "away"), is("bob", "online")]);
  await some(after.frames, 5);
  assert.deepEqual(
    after.frames.map((frame) => /"id":"(\w+)".*"status":"(\w+)"/.exec(frame)!.slice(1).join(" ")),
    [
      ...["bob offline", "eve online", "max away"],
      ...["eve away", "bob online"],
    ],
  );
  assert.deepEqual(after.lose().watching, {
    asked: ["bob"],
    page: { places: 100, userIds: ["eve", "max"] },
  });
});

Deno.test("a session that comes back while the store is away watches again when it is there", async () => {
  let isDown = true;
  using one = node(() => isDown ? Promise.reject(new Error("away")) : [is("bob", "online")]);
  const watching = { asked: [userId("bob")] };
  const after = session("after", { watching });
  const resumed = one.watch.resume(after.live, []);
  await some(one.errors);
  isDown = false;
  await resumed;
  await some(after.frames);
  assert.deepEqual([one.errors.length, after.frames.length], [1, 1]);
});

Deno.test("a session that is lost again before it watches everything keeps what it watched", async () => {
  using one = node((ids) => ids.length > 0 ? [is("bob", "online")] : Promise.reject(new Error("away")));
  const watching = { asked: [userId("bob")], page: { places: 2, userIds: [] } };
  const after = session("after", { watching });
  void one.watch.resume(after.live, []);
  await some(one.errors);
  await one.list(after.live, { userIds: ["eve"] });
  assert.deepEqual(after.lose(), { watching });
});

Deno.test("a session whose watch died with its node is told to read anew", async () => {
  using one = node(() => []);
  const after = session("after"), other = session("other");
  await one.watch.resume(after.live, ["user:ada", "watching:presence"]);
  await one.watch.resume(other.live, ["user:ada"]);
  const told = [true, false].map((degraded) => `2${JSON.stringify(["session:degraded", { degraded }])}`);
  assert.deepEqual([after.frames, other.frames], [told, []]);
});
