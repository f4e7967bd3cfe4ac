/** What every PresenceStore must do, run on each implementation. */
import assert from "node:assert/strict";
import type { Case } from "../support/contract.ts";
import { nodeId, sessionId, userId } from "../../lib/protocol/ids.ts";
import type { PresenceStore, SessionPresence, Settled } from "../../lib/presence/store.ts";

/** A store under test, on a clock that the test moves. */
export interface PresenceStoreFixture extends AsyncDisposable {
  store: PresenceStore;
  /** Moves the store's clock. */
  advance(ms: number): void;
}

/** The grace of every store under test. */
export const GRACE_MS = 5_000;

const NODE = nodeId("node-1");

export function session(sid: string, user: string, over: Partial<SessionPresence> = {}): SessionPresence {
  return {
    sid: sessionId(sid),
    user: { id: userId(user), name: user.toUpperCase() },
    owner: NODE,
    active: true,
    lastActiveAt: 1_000,
    ...over,
  };
}

async function settle(store: PresenceStore): Promise<Omit<Settled, "epoch">> {
  const { changes, waitMs } = await store.settle();
  return { changes, waitMs };
}

/** The cases; each gets a store that is empty. */
export function presenceStoreContract(): Case<PresenceStoreFixture>[] {
  const cases: Case<PresenceStoreFixture>[] = [];
  function test(name: string, run: (fixture: PresenceStoreFixture) => Promise<void>): void {
    cases.push({ name, run });
  }

  const online = { id: "ada", name: "ADA", status: "online", lastActiveAt: 1_000 };
  const away = { ...online, status: "away" };
  const offline = { ...online, status: "offline" };

  test("announces a user's first session, and no second one", async ({ store }) => {
    assert.deepEqual(await store.put([session("s1", "ada")]), [online]);
    assert.deepEqual(await store.put([session("s2", "ada"), session("s1", "ada")]), []);
    assert.deepEqual(await store.read([userId("ada")]), [online]);
  });

  test("announces away when the last active session rests", async ({ store }) => {
    await store.put([session("s1", "ada"), session("s2", "ada")]);
    assert.deepEqual(await store.put([session("s1", "ada", { active: false })]), []);
    assert.deepEqual(await store.put([session("s2", "ada", { active: false })]), [away]);
    assert.deepEqual(await store.put([session("s1", "ada")]), [online]);
  });

  test("counts a session that left until the grace is over", async ({ store, advance }) => {
    await store.put([session("s1", "ada")]);
    await store.leave([session("s1", "ada", { lastActiveAt: 2_000 })]);
    advance(GRACE_MS - 1);
    assert.deepEqual(await settle(store), { changes: [], waitMs: 1 });
    advance(1);
    assert.deepEqual(await settle(store), {
      changes: [{ ...offline, lastActiveAt: 2_000 }],
      waitMs: null,
    });
    assert.deepEqual(await settle(store), { changes: [], waitMs: null });
    assert.deepEqual(await store.read([userId("ada")]), [{ ...offline, lastActiveAt: 2_000 }]);
  });

  test("sees nothing of a reload within the grace", async ({ store, advance }) => {
    await store.put([session("s1", "ada")]);
    await store.leave([session("s1", "ada")]);
    advance(GRACE_MS - 1);
    assert.deepEqual(await store.put([session("s2", "ada")]), []);
    advance(1);
    assert.deepEqual(await settle(store), { changes: [], waitMs: null });
  });

  test("gives a session another grace where it is told to", async ({ store, advance }) => {
    await store.put([session("s1", "ada"), session("s2", "bob"), session("s3", "cyd")]);
    await store.leave([session("s1", "ada")], { graceMs: 3 * GRACE_MS });
    await store.leave([session("s2", "bob")]);
    await store.leave([session("s3", "cyd")], { graceMs: 1 });
    const changed: string[][] = [];
    for (const waitMs of [1, GRACE_MS - 1, 2 * GRACE_MS]) {
      assert.equal((await settle(store)).waitMs, waitMs);
      advance(waitMs);
      changed.push((await settle(store)).changes.map(({ id }) => id));
    }
    assert.deepEqual(changed, [["cyd"], ["bob"], ["ada"]]);
  });

  test("keeps a session that was put again while it left", async ({ store, advance }) => {
    await store.put([session("s1", "ada")]);
    await store.leave([session("s1", "ada")]);
    assert.deepEqual(await store.put([session("s1", "ada", { owner: nodeId("node-2") })]), []);
    // the first node hears late that it lost the session
    await store.leave([session("s1", "ada")]);
    advance(2 * GRACE_MS);
    assert.deepEqual(await settle(store), { changes: [], waitMs: null });
    assert.equal((await store.read([userId("ada")]))[0]?.status, "online");
  });

  test("announces away when the active one of two sessions leaves", async ({ store, advance }) => {
    await store.put([session("s1", "ada"), session("s2", "ada", { active: false })]);
    await store.leave([session("s1", "ada")]);
    advance(GRACE_MS);
    assert.deepEqual((await settle(store)).changes, [away]);
  });

  test("removes sessions at once and only once", async ({ store }) => {
    await store.put([session("s1", "ada"), session("s2", "ada"), session("s3", "bob")]);
    const sids = [sessionId("s1"), sessionId("s2"), sessionId("unknown")];
    assert.deepEqual(await store.remove(sids), [offline]);
    assert.deepEqual(await store.remove(sids), []);
    assert.equal((await store.read([userId("bob")]))[0]?.status, "online");
  });

  test("hands each due session to one of many callers", async ({ store, advance }) => {
    const sessions = Array.from({ length: 300 }, (_, index) => session(`s${index}`, `user${index}`));
    await store.put(sessions);
    await store.leave(sessions);
    advance(GRACE_MS);
    const settled = await Promise.all(Array.from({ length: 8 }, () => settle(store)));
    const changed = settled.flatMap(({ changes }) => changes.map(({ id }) => id));
    assert.equal(changed.length, 300);
    assert.equal(new Set(changed).size, 300);
  });

  test("takes sessions back silently after it lost them", async ({ store, advance }) => {
    const resting = session("s1", "ada", { active: false });
    assert.deepEqual(await store.put([resting], { silent: true }), []);
    assert.deepEqual(await store.put([session("s2", "ada")], { silent: true }), []);
    assert.deepEqual(await store.put([session("s2", "ada")]), []);
    await store.leave([session("s2", "ada")]);
    advance(GRACE_MS);
    assert.deepEqual((await settle(store)).changes, [away]);
  });

  test("corrects what was announced before all sessions were taken back", async ({ store }) => {
    await store.put([session("s1", "ada")], { silent: true });
    assert.deepEqual(await store.put([session("s1", "ada", { active: false })]), [away]);
    assert.deepEqual(await store.put([session("s2", "ada")], { silent: true }), [online]);
  });

  test("keeps its epoch while it keeps its contents", async ({ store, advance }) => {
    const { epoch } = await store.settle();
    await store.put([session("s1", "ada")]);
    advance(GRACE_MS);
    await store.remove([sessionId("s1")]);
    assert.equal((await store.settle()).epoch, epoch);
  });

  test("makes one change of a batch, whatever its order", async ({ store, advance }) => {
    const sessions = [session("s1", "ada"), session("s2", "ada", { active: false })];
    assert.deepEqual(await store.put(sessions.toReversed()), [online]);
    await store.leave(sessions);
    advance(GRACE_MS);
    assert.deepEqual((await settle(store)).changes, [offline]);
    await store.put(sessions);
    assert.deepEqual(await store.remove([sessionId("s1"), sessionId("s2")]), [offline]);
  });

  test("keeps the latest activity and lists by it", async ({ store }) => {
    await store.put([session("s1", "ada")]);
    await store.touch([
      { id: userId("bob"), name: "BOB", at: 3_000 },
      { id: userId("ada"), name: "ADA", at: 2_000 },
      { id: userId("cyd"), name: "CYD", at: 500 },
    ]);
    await store.touch([{ id: userId("ada"), name: "ADA", at: 1_500 }]);
    await store.put([session("s4", "dot", { active: false, lastActiveAt: null })]);
    const listed = await store.recent(10);
    assert.deepEqual(
      new Map(listed.map((user) => [user.id as string, [user.status, user.lastActiveAt]])),
      new Map<
        string,
        unknown
      >([
        ["bob", ["offline", 3_000]],
        ["ada", ["online", 2_000]],
        ["cyd", ["offline", 500]],
        ["dot", ["away", null]],
      ]),
    );
    const order = listed.filter(({ id }) => id !== "dot").map(({ id }) => id as string);
    assert.deepEqual(order, ["bob", "ada", "cyd"]);
    assert.equal((await store.recent(2)).length, 2);
    assert.deepEqual(await store.read([userId("nobody")]), []);
  });

  test("names the activity before this connection in a change", async ({ store }) => {
    await store.touch([{ id: userId("ada"), name: "ADA", at: 700 }]);
    assert.deepEqual(await store.put([session("s1", "ada", { active: false, lastActiveAt: null })]), [
      { ...away, lastActiveAt: 700 },
    ]);
  });

  test("takes ids that mean something elsewhere", async ({ store, advance }) => {
    for (const id of ["__proto__", "constructor", "a:b{c}", "ünï✓", '"quoted\\"']) {
      const changes = await store.put([session(`s-${id}`, id, { user: { id: userId(id), name: id } })]);
      assert.deepEqual(changes, [{ id, name: id, status: "online", lastActiveAt: 1_000 }]);
      await store.leave([session(`s-${id}`, id)]);
    }
    advance(GRACE_MS);
    assert.equal((await settle(store)).changes.length, 5);
  });

  return cases;
}
