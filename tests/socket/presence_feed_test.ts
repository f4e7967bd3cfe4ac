/** What watchers are told, when, and at what price: fake time, and frames that are lists. */
import assert from "node:assert/strict";
import FakeTimers, { type Clock } from "@sinonjs/fake-timers";
import type { Presence, PresenceStatus } from "../../lib/protocol/events.ts";
import { type UserId, userId } from "../../lib/protocol/ids.ts";
import {
  GATHER_MS,
  MAX_WATCHED,
  PresenceFeed,
  type PresenceFeedOptions,
  type Watcher,
} from "../../lib/socket/presence_feed.ts";

const BOB = userId("bob"), EVE = userId("eve");

function is(id: string, status: PresenceStatus): Presence {
  return { id: userId(id), name: id, status, lastActiveAt: 1 };
}

function many(count: number, status: PresenceStatus): Presence[] {
  return Array.from({ length: count }, (_, index) => is(`user-${index}`, status));
}

/** A watcher that keeps its frames: what each says, such as `bob online`. */
function watcher(id = "ada", written: () => void = () => {}): Watcher & { readonly told: string[][] } {
  const told: string[][] = [];
  return {
    userId: userId(id),
    asked: [],
    told,
    conn: {
      write(frame) {
        told.push(frame.split(", "));
        written();
      },
    },
  };
}

interface Stage {
  clock: Clock;
  /** Who sees nobody, and whom nobody sees. */
  hidden: Set<string>;
  errors: unknown[];
  feed: PresenceFeed;
  /** Lets `ms` pass. */
  pass(ms?: number): Promise<void>;
}

function scene(
  name: string,
  act: (stage: Stage) => Promise<void>,
  options: Partial<PresenceFeedOptions> = {},
): void {
  Deno.test(name, async () => {
    const clock = FakeTimers.install({ toFake: ["setTimeout", "clearTimeout"] });
    const hidden = new Set<string>(), errors: unknown[] = [];
    const feed = new PresenceFeed({
      encode: ({ id, status }) => `${id} ${status}`,
      frames: (changes) => [changes.join(", ")],
      maxTold: 1_000,
      visible: (viewer, others) =>
        Promise.resolve(others.filter((id) => !hidden.has(id) && !hidden.has(viewer))),
      onError: (error) => errors.push(error),
      ...options,
    });
    try {
      await act({
        clock,
        hidden,
        errors,
        feed,
        pass: async (ms = GATHER_MS) => void await clock.tickAsync(ms),
      });
    } finally {
      feed.close();
      assert.equal(clock.countTimers(), 0);
      clock.uninstall();
    }
  });
}

scene(
  "PresenceFeed tells what changed in a tenth of a second in one frame, and only those who watch it",
  async ({
    feed,
    pass,
  }) => {
    const ada = watcher(), other = watcher("other");
    feed.watch(ada, [is("bob", "offline"), is("eve", "online")]);
    feed.watch(other, [is("zoe", "online")]);
    feed.change([is("bob", "online")]);
    await pass(GATHER_MS - 1);
    feed.change([is("eve", "away"), is("nobody", "online")]);
    assert.deepEqual(ada.told, []);
    await pass(1);
    assert.deepEqual(ada.told, [["bob online", "eve away"]]);
    assert.deepEqual(other.told, []);
  },
);

scene("PresenceFeed tells at most ten times a second, and how it is at last", async ({ feed, pass }) => {
  const ada = watcher();
  feed.watch(ada, [is("bob", "offline")]);
  const statuses = ["online", "away", "offline"] as const;
  for (let change = 0; change < 100; change++) {
    feed.change([is("bob", statuses[change % 3]!)]);
    await pass(10);
  }
  await pass();
  assert.ok(ada.told.length <= 10, `${ada.told.length} frames`);
  assert.deepEqual(ada.told.at(-1), ["bob online"]);
});

scene("PresenceFeed says nothing of who is back before it was told", async ({ clock, feed, pass }) => {
  const ada = watcher();
  feed.watch(ada, [is("bob", "online")]);
  feed.change([is("bob", "offline")]);
  await pass(GATHER_MS / 2);
  feed.change([is("bob", "online")]);
  await pass();
  assert.deepEqual(ada.told, []);
  assert.equal(clock.countTimers(), 0);
});

let now = 0;
scene(
  "PresenceFeed leaves the event loop to others, and who comes back meanwhile was never away for the rest",
  async ({
    feed,
    pass,
  }) => {
    // a frame takes a millisecond, and a turn five
    const watchers = Array.from({ length: 20 }, (_, index) =>
      watcher(`watcher-${index}`, () => {
        if (++now === 3) setTimeout(() => feed.change([is("bob", "online")]));
      }));
    for (const one of watchers) feed.watch(one, [is("bob", "online")]);
    feed.change([is("bob", "offline")]);
    await pass(3 * GATHER_MS);
    assert.deepEqual(watchers.map(({ told }) => told), [
      ...Array(5).fill([["bob offline"], ["bob online"]]),
      ...Array(15).fill([]),
    ]);
  },
  { now: () => now },
);

scene(
  "PresenceFeed tells a watcher of so many users at a time, and of the others later",
  async ({ feed, pass }) => {
    const ada = watcher();
    feed.watch(ada, many(250, "online"));
    feed.change(many(250, "offline"));
    await pass();
    // back before it was told
    feed.change([is("user-249", "online")]);
    await pass(2 * GATHER_MS);
    assert.deepEqual(ada.told.map(({ length }) => length), [100, 100, 49]);
  },
  { maxTold: 100 },
);

scene("PresenceFeed puts on a page whoever comes and may be seen, and takes off who goes", async ({
  hidden,
  feed,
  pass,
}) => {
  const ada = watcher(), later = watcher("later");
  hidden.add("ghost");
  feed.watchPage(ada, [is("bob", "online"), is("old", "offline")], { places: 100 });
  feed.watch(later, []);
  feed.change([is("eve", "online"), is("ghost", "online"), is("far", "away")]);
  await pass();
  // in a tab that nobody looks at
  feed.change([is("old", "online"), is("eve", "offline")]);
  feed.change([is("old", "away")]);
  await pass();
  assert.deepEqual(ada.told, [["eve online"], ["eve offline", "old away"]]);
  assert.deepEqual(Array.from(ada.page!.users, ({ presence }) => presence.id), ["bob", "old"]);
  feed.change([is("eve", "online"), is("gone", "online")]);
  feed.change([is("gone", "offline")]);
  await pass();
  assert.deepEqual(ada.told.slice(2), [["eve online"]]);
  assert.deepEqual(later.told, []);
});

const found = Promise.withResolvers<void>();
scene("PresenceFeed tells how a newcomer is who changes while it is found out who may see it", async ({
  feed,
  pass,
}) => {
  const ada = watcher();
  feed.watchPage(ada, [], { places: 100 });
  feed.change([is("bob", "online"), is("eve", "online")]);
  await pass();
  feed.change([is("bob", "away"), is("eve", "offline"), is("eve", "online")]);
  feed.change([is("eve", "offline")]);
  found.resolve();
  await pass(2 * GATHER_MS);
  assert.deepEqual(ada.told.at(-1), ["bob away"]);
  assert.deepEqual(Array.from(ada.page!.users, ({ presence }) => presence.id), ["bob"]);
}, { visible: (_, others) => found.promise.then(() => others) });

scene("PresenceFeed goes on with those who were asked for by their ids when they leave the page", async ({
  feed,
  pass,
}) => {
  const ada = watcher();
  feed.watchPage(ada, [is("bob", "online")], { places: 100 });
  feed.watch(ada, [is("bob", "online")]);
  feed.change([is("bob", "offline")]);
  await pass();
  feed.change([is("bob", "away")]);
  await pass();
  assert.deepEqual(ada.told, [["bob offline"], ["bob away"]]);
});

scene("PresenceFeed tells from what the watcher was told, and all others of what a list found out", async ({
  feed,
  pass,
}) => {
  const early = watcher("early"), late = watcher("late");
  feed.watch(early, [is("bob", "online")]);
  // its change is still on its way from another node
  feed.watch(late, [is("bob", "offline")]);
  await pass();
  assert.deepEqual([early.told, late.told], [[["bob offline"]], []]);
  feed.change([is("bob", "offline")]);
  await pass();
  assert.deepEqual([early.told.length, late.told.length], [1, 0]);
});

scene("PresenceFeed tells all of it to a watcher that may know something else, but nothing twice", async ({
  feed,
  pass,
}) => {
  const ada = watcher();
  feed.watch(ada, [is("eve", "away")]);
  feed.watch(ada, [is("bob", "online"), is("eve", "away")], { tell: true });
  await pass();
  assert.deepEqual(ada.told, [["bob online"]]);
});

scene(
  "PresenceFeed has as many places on a page as were asked for; who comes when one is free takes it",
  async ({
    feed,
    pass,
  }) => {
    const ada = watcher();
    feed.watchPage(ada, [is("bob", "online")], { places: 2 });
    feed.change([is("eve", "online"), is("max", "online")]);
    await pass();
    feed.change([is("max", "away"), is("bob", "offline")]);
    await pass();
    feed.change([is("max", "online")]);
    await pass();
    assert.deepEqual(ada.told, [["eve online"], ["bob offline"], ["max online"]]);
    // another page in the place of this one
    feed.watchPage(ada, [is("zoe", "online"), is("eve", "online")], { places: 2 });
    feed.change([is("max", "away"), is("eve", "away")]);
    await pass();
    assert.deepEqual(ada.told.slice(3), [["eve away"]]);
  },
);

scene(
  "PresenceFeed bounds whom a session watches; whoever comes then is not told of",
  async ({ feed, pass }) => {
    const ada = watcher();
    const users = many(MAX_WATCHED, "online");
    feed.watch(ada, users.slice(1));
    assert.equal(feed.hasRoom(ada, users), true);
    assert.equal(feed.hasRoom(ada, [...users, is("bob", "online")]), false);
    feed.watchPage(ada, [is("bob", "online"), is("zoe", "online")], { places: 100 });
    feed.change([is("bob", "away"), is("zoe", "away"), is("eve", "online")]);
    await pass();
    assert.deepEqual(ada.told, [["bob away"]]);
  },
);

scene(
  "PresenceFeed tells nothing more to who may not see it, from the moment that a channel was left",
  async ({
    hidden,
    feed,
    pass,
  }) => {
    const ada = watcher(), left = watcher("left"), other = watcher("other");
    for (const one of [ada, left, other]) feed.watch(one, [is("bob", "online"), is("eve", "online")]);
    feed.change([is("bob", "away"), is("eve", "away")]);
    hidden.add("left").add("eve");
    feed.check([userId("left"), EVE]);
    await pass();
    assert.deepEqual([ada.told, left.told, other.told], [[["bob away"]], [], [["bob away"]]]);

    hidden.add("other");
    feed.check(null);
    feed.change([is("bob", "online")]);
    await pass();
    assert.deepEqual([ada.told.length, other.told.length], [2, 1]);
  },
);

let isDown = true;
scene("PresenceFeed waits with everything while it cannot find out who may see what", async ({
  errors,
  feed,
  pass,
}) => {
  const ada = watcher();
  feed.watch(ada, [is("bob", "online")]);
  feed.change([is("bob", "offline")]);
  feed.check([BOB]);
  await pass(2 * GATHER_MS);
  assert.deepEqual([ada.told, errors.length], [[], 1]);
  isDown = false;
  await pass(1_000);
  assert.deepEqual([ada.told, errors.length], [[["bob offline"]], 1]);
}, {
  visible: (_, others) => isDown ? Promise.reject(new Error("the store is away")) : Promise.resolve(others),
});

scene("PresenceFeed forgets a watcher that ends, also in the middle of a telling", async ({ feed, pass }) => {
  const watchers: Watcher[] = [], heard: UserId[] = [];
  for (const id of ["one", "two", "three"]) {
    const one = watcher(id, () => {
      heard.push(one.userId);
      for (const other of watchers) if (other !== one) feed.end(other);
    });
    watchers.push(one);
    feed.watchPage(one, [is("bob", "online")], { places: 100 });
  }
  feed.change([is("bob", "away"), is("eve", "online")]);
  await pass();
  assert.deepEqual(heard, ["one"]);
  assert.deepEqual(watchers.map(({ page }) => page!.users.size), [2, 0, 0]);
});
