/** What every RosterStore must do, run on each implementation: how users are, by their sessions. */
import assert from "node:assert/strict";
import { userId } from "../../lib/protocol/ids.ts";
import type { PresencePage, RosterStore } from "../../lib/roster/store.ts";
import type { Case } from "../support/contract.ts";
import { end, entry, GRACE_MS, LEASE_MS, leave, put, tick, writer } from "./records.ts";
import type { StoreFixture } from "./store_contract.ts";

// longer than any test
const FOR_GOOD = { leaseMs: 1e9 };
const session: typeof entry = (sid, parts) => entry(sid, { ...FOR_GOOD, ...parts });

/** The cases; each gets a store that is empty. */
export function presenceCases(): Case<StoreFixture>[] {
  const cases: Case<StoreFixture>[] = [];
  function test(name: string, run: (store: RosterStore, clock: { now: number }) => Promise<void>): void {
    cases.push({ name, run: ({ store, clock }) => run(store, clock) });
  }

  const online = { id: "ada", name: "ADA", status: "online", lastActiveAt: 1000 };
  const away = { ...online, status: "away" };
  const offline = { ...online, status: "offline" };
  const changes = async (written: Promise<{ changes: unknown[] }>) => (await written).changes;
  const read = async (store: RosterStore, ...ids: string[]) => await store.presence(ids.map(userId));

  test("announces a user's first session, and no second one", async (store) => {
    assert.deepEqual(await changes(put(store, [session("s1")])), [online]);
    assert.deepEqual(await changes(put(store, [session("s2"), session("s1")])), []);
    assert.deepEqual(await read(store, "ada"), [online]);
  });

  test("announces away when the last active session rests", async (store) => {
    await put(store, [session("s1"), session("s2")]);
    assert.deepEqual(await changes(put(store, [session("s1", { active: false })])), []);
    assert.deepEqual(await changes(put(store, [session("s2", { active: false })])), [away]);
    assert.deepEqual(await changes(put(store, [session("s1")])), [online]);
  });

  test("counts a session that left until the grace is over", async (store, clock) => {
    await put(store, [session("s1")]);
    assert.deepEqual(await changes(end(store, leave("s1", { lastActiveAt: 2000 }))), []);
    clock.now += GRACE_MS - 1;
    assert.deepEqual(await changes(tick(store)), []);
    assert.deepEqual((await read(store, "ada"))[0]?.status, "online");
    clock.now += 1;
    const ended = await tick(store);
    assert.deepEqual(ended.changes, [{ ...offline, lastActiveAt: 2000 }]);
    assert.deepEqual(ended.gone, [], "it was no open session any more");
    assert.deepEqual(await changes(tick(store)), []);
    assert.deepEqual(await read(store, "ada"), [{ ...offline, lastActiveAt: 2000 }]);
  });

  test("announces the end at once where there is no grace", async (store) => {
    await put(store, [session("s1"), session("s2")]);
    assert.deepEqual(await changes(end(store, leave("s1", { graceMs: 0 }))), []);
    assert.deepEqual(await changes(end(store, leave("s2", { graceMs: 0 }))), [offline]);
  });

  test("sees nothing of a reload within the grace", async (store, clock) => {
    await put(store, [session("s1")]);
    await end(store, leave("s1"));
    clock.now += GRACE_MS - 1;
    assert.deepEqual(await changes(put(store, [session("s2")])), []);
    clock.now += 1;
    assert.deepEqual(await changes(tick(store)), []);
  });

  test("gives a session another grace where it is told to", async (store, clock) => {
    await put(store, [session("s1"), session("s2", { user: "bob" }), session("s3", { user: "cyd" })]);
    await end(store, leave("s1", { graceMs: 3 * GRACE_MS }), leave("s2", { user: "bob" }));
    await end(store, leave("s3", { user: "cyd", graceMs: 1 }));
    const changed: string[][] = [];
    for (const waitMs of [1, GRACE_MS - 1, 2 * GRACE_MS]) {
      clock.now += waitMs - 1;
      assert.deepEqual(await changes(tick(store)), []);
      clock.now += 1;
      changed.push((await tick(store)).changes.map(({ id }) => id));
    }
    assert.deepEqual(changed, [["cyd"], ["bob"], ["ada"]]);
  });

  test("keeps a session that was put again while it left", async (store, clock) => {
    await put(store, [session("s1")]);
    await end(store, leave("s1"));
    assert.deepEqual(await changes(put(store, [session("s1", { node: "n2", connectedAt: 2000 })])), []);
    // the first node hears late that it lost the session
    await end(store, leave("s1"));
    clock.now += 2 * GRACE_MS;
    assert.deepEqual(await changes(tick(store)), []);
    assert.equal((await read(store, "ada"))[0]?.status, "online");
  });

  test("announces away when the active one of two sessions leaves", async (store, clock) => {
    await put(store, [session("s1"), session("s2", { active: false })]);
    await end(store, leave("s1"));
    clock.now += GRACE_MS;
    assert.deepEqual(await changes(tick(store)), [away]);
  });

  test("ends the sessions of a dead node and those whose lease ran out, each once", async (store, clock) => {
    const dead = { node: "n1", leaseMs: 1e9 };
    const entries = [entry("s1", dead), entry("s2", dead), entry("s3", { ...dead, user: "bob" })];
    await store.write(writer("n1", { leaseMs: 100 }), { leaves: [], entries });
    await put(store, [
      session("s4", { user: "bob", node: "n2", active: false }),
      entry("s5", { user: "cyd", node: "n2" }),
    ]);
    clock.now += 100;
    assert.deepEqual(
      (await changes(tick(store))).toSorted(byId),
      [offline, { ...away, id: "bob", name: "BOB" }],
    );
    assert.deepEqual(await changes(tick(store)), []);
    clock.now += LEASE_MS;
    assert.deepEqual(await changes(tick(store)), [{ ...offline, id: "cyd", name: "CYD" }]);
    // a node that only seemed dead is heard again
    assert.deepEqual(await changes(put(store, [entry("s1", dead)])), [online]);
  });

  test("hands each session whose grace is over to one of many callers", async (store, clock) => {
    const users = Array.from({ length: 300 }, (_, index) => `user${index}`);
    await put(store, users.map((user) => session(`s-${user}`, { user })));
    await end(store, ...users.map((user) => leave(`s-${user}`, { user })));
    clock.now += GRACE_MS;
    const ticks = await Promise.all(Array.from({ length: 8 }, () => tick(store)));
    const changed = ticks.flatMap(({ changes }) => changes.map(({ id }) => id));
    assert.equal(changed.length, 300);
    assert.equal(new Set(changed).size, 300);
  });

  test("takes sessions back silently after it lost them", async (store, clock) => {
    const silent = { silent: true };
    assert.deepEqual(await changes(put(store, [session("s1", { active: false })], silent)), []);
    assert.deepEqual(await changes(put(store, [session("s2")], silent)), []);
    assert.deepEqual(await changes(put(store, [session("s2")])), []);
    assert.deepEqual(await read(store, "ada"), [online]);
    await end(store, leave("s2"));
    clock.now += GRACE_MS;
    assert.deepEqual(await changes(tick(store)), [away]);
  });

  test("corrects what was announced before all sessions were taken back", async (store) => {
    await put(store, [session("s1")], { silent: true });
    assert.deepEqual(await changes(put(store, [session("s1", { active: false })])), [away]);
    assert.deepEqual(await changes(put(store, [session("s2")], { silent: true })), [online]);
  });

  test("makes one change of a batch, whatever its order", async (store, clock) => {
    const sessions = [session("s1"), session("s2", { active: false })];
    assert.deepEqual(await changes(put(store, sessions.toReversed())), [online]);
    const batch = {
      leaves: [leave("s1", { graceMs: 0 }), leave("s2", { graceMs: 0 })],
      entries: [session("s3")],
    };
    assert.deepEqual(await changes(store.write(writer(), batch)), []);
    await end(store, leave("s3"));
    clock.now += GRACE_MS;
    assert.deepEqual(await changes(tick(store)), [offline]);
  });

  test("names the activity before this connection in a change", async (store) => {
    await put(store, [session("s1", { lastActiveAt: 700 })]);
    await end(store, leave("s1", { graceMs: 0, lastActiveAt: 700 }));
    assert.deepEqual(await changes(put(store, [session("s1", { active: false, lastActiveAt: null })])), [
      { ...away, lastActiveAt: 700 },
    ]);
  });

  test("takes ids that mean something elsewhere", async (store, clock) => {
    const users = ["__proto__", "constructor", "a:b{c}", "ünï✓", '"quoted\\"', "online?"];
    for (const user of users) {
      const [change] = (await put(store, [session(`s-${user}`, { user })])).changes;
      assert.deepEqual(change, { ...online, id: user, name: user.toUpperCase() });
      await end(store, leave(`s-${user}`, { user }));
    }
    clock.now += GRACE_MS;
    assert.equal((await tick(store)).changes.length, users.length);
  });

  test("keeps the latest activity and the newest name, and lists by it", async (store) => {
    const ends = { graceMs: 0 };
    await put(store, [session("s1", { lastActiveAt: 2000 })]);
    await put(store, [
      session("s2", { user: "bob", lastActiveAt: 3000 }),
      session("s3", { user: "cyd", lastActiveAt: 500 }),
    ]);
    await end(
      store,
      leave("s2", { user: "bob", lastActiveAt: 2500, ...ends }),
      leave("s3", { user: "cyd", ...ends, lastActiveAt: null }),
    );
    const renamed = session("s1", { lastActiveAt: 1500 });
    const user = { ...renamed.record.user, name: "Ada L." };
    await put(store, [{ ...renamed, record: { ...renamed.record, user } }]);
    await put(store, [session("s4", { user: "dot", active: false, lastActiveAt: null })]);
    const { users, total, next } = await store.recent({ limit: 10 });
    assert.deepEqual(users, [
      { id: "bob", name: "BOB", status: "offline", lastActiveAt: 3000 },
      { id: "ada", name: "Ada L.", status: "online", lastActiveAt: 2000 },
      { id: "cyd", name: "CYD", status: "offline", lastActiveAt: 500 },
      { id: "dot", name: "DOT", status: "away", lastActiveAt: null },
    ]);
    assert.deepEqual([total, next], [4, null]);
    assert.deepEqual(await read(store, "nobody"), []);
    assert.deepEqual((await read(store, "cyd", "nobody", "ada")).map(({ id }) => id).toSorted(), [
      "ada",
      "cyd",
    ]);
  });

  test("gives every user once on pages of any size, whoever is active meanwhile", async (store) => {
    // many share a time, and some were never active
    const at = (n: number) => n % 5 === 0 ? null : Math.floor(n / 3);
    const users = Array.from({ length: 40 }, (_, n) => ({ user: `u${n}`, lastActiveAt: at(n) }));
    await put(store, users.map(({ user, lastActiveAt }) => session(`s-${user}`, { user, lastActiveAt })));
    const first = await store.recent({ limit: 100 });
    const order = first.users.map(({ id }) => id);
    assert.deepEqual(
      first.users.map(({ lastActiveAt }) => lastActiveAt ?? 0),
      users.map(({ lastActiveAt }) => lastActiveAt ?? 0).toSorted((a, b) => b - a),
    );
    for (const limit of [1, 3, 7, 20, 40, 41]) {
      const listed: string[] = [];
      let page: PresencePage | undefined;
      do {
        page = await store.recent({ limit, after: page?.next ?? undefined });
        assert.equal(page.total, 40);
        listed.push(...page.users.map(({ id }) => id));
      } while (page.next !== null);
      assert.deepEqual(listed, order);
    }
    const { users: [..._], next } = await store.recent({ limit: 10 });
    // the last of the page goes to the front; what follows is what would have followed
    await put(store, [session(`s-${next!.id}`, { user: next!.id, lastActiveAt: 9000 })]);
    const rest = await store.recent({ limit: 100, after: next! });
    assert.deepEqual(rest.users.map(({ id }) => id), order.slice(10));
    assert.equal((await store.recent({ limit: 1 })).users[0]?.id, next!.id);
    // and who is not known any more, or never was
    const stranger = await store.recent({ limit: 100, after: { id: userId("zz"), at: 5 } });
    assert.deepEqual(
      stranger.users.map(({ id }) => id),
      order.filter((id) => (at(Number(id.slice(1))) ?? 0) <= 5 && id !== next!.id),
    );
    assert.equal(stranger.total, 40);
  });

  return cases;
}

function byId(one: unknown, other: unknown): number {
  return (one as { id: string }).id < (other as { id: string }).id ? -1 : 1;
}
