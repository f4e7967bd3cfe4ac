/** What every ChannelStore must do, run on each implementation. */
import assert from "node:assert/strict";
import type { Case } from "../support/contract.ts";
import { ulid } from "ulid";
import { type Channel, KEPT_MESSAGES, type Message } from "../../lib/protocol/resources.ts";
import type { ChannelStore } from "../../lib/channel/store.ts";
import { channelId, messageId, userId } from "../../lib/protocol/ids.ts";

/** A store under test. */
export interface ChannelStoreFixture extends AsyncDisposable {
  store: ChannelStore;
}

const ADA = userId("ada");
const BOB = userId("bob");
const NEWS = channelId("news");
const T0 = 1_700_000_000_000;

function channel(id: string, open = false): Channel {
  return { id: channelId(id), name: id.toUpperCase(), public: open, createdBy: ADA, createdAt: T0 };
}

function message(createdAt: number, over: Partial<Message> = {}): Message {
  return {
    id: messageId(ulid(createdAt)),
    channelId: NEWS,
    parentId: null,
    user: { id: ADA, name: "Ada", role: "user" },
    content: `Said at ${createdAt}: "quoted", ünï✓, {braces}\n`,
    createdAt,
    ...over,
  };
}

/** The cases; each gets a store that is empty. */
export function channelStoreContract(): Case<ChannelStoreFixture>[] {
  const cases: Case<ChannelStoreFixture>[] = [];
  function test(name: string, run: (store: ChannelStore) => Promise<void>): void {
    cases.push({ name, run: ({ store }) => run(store) });
  }

  test("keeps a channel, and the first of two with one id", async (store) => {
    assert.equal(await store.create(channel("news"), []), true);
    assert.equal(await store.create({ ...channel("news"), name: "Other" }, [BOB]), false);
    assert.deepEqual(await store.get([NEWS, channelId("none")]), [channel("news")]);
    assert.deepEqual(await store.memberships(BOB), []);
  });

  test("tells public channels from memberships", async (store) => {
    await store.create(channel("news", true), []);
    await store.create(channel("team"), [ADA, BOB]);
    await store.create(channel("__proto__"), [ADA]);
    assert.deepEqual(await store.publicIds(), [NEWS]);
    assert.deepEqual(new Set(await store.memberships(ADA)), new Set(["team", "__proto__"]));
    assert.deepEqual(await store.memberships(BOB), ["team"]);
    assert.deepEqual(await store.memberships(userId("nobody")), []);
  });

  test("takes as many first members as a request can name", async (store) => {
    const members = Array.from({ length: 1_001 }, (_, index) => userId(`u${index}`));
    await store.create(channel("team"), members);
    for (const member of [members[0], members[1_000]]) {
      assert.deepEqual(member && await store.memberships(member), ["team"]);
    }
  });

  test("adds and removes a member once", async (store) => {
    await store.create(channel("news"), [ADA]);
    assert.equal(await store.addMember(NEWS, BOB), true);
    assert.equal(await store.addMember(NEWS, BOB), false);
    assert.deepEqual(await store.memberships(BOB), [NEWS]);
    assert.equal(await store.removeMember(NEWS, BOB), true);
    assert.equal(await store.removeMember(NEWS, BOB), false);
    assert.deepEqual(await store.memberships(BOB), []);
  });

  test("lets nobody into a channel that is not there", async (store) => {
    assert.equal(await store.addMember(NEWS, BOB), false);
    assert.deepEqual(await store.memberships(BOB), []);
  });

  test("counts the channels that a user made, as long as they are there", async (store) => {
    await store.create(channel("news"), [ADA]);
    await store.create(channel("team"), [BOB]);
    assert.deepEqual([await store.countMadeBy(ADA), await store.countMadeBy(BOB)], [2, 0]);
    await store.remove(NEWS);
    assert.equal(await store.countMadeBy(ADA), 1);
  });

  test("names a channel anew", async (store) => {
    await store.create(channel("news"), [ADA]);
    assert.equal(await store.rename(NEWS, "Olds"), true);
    assert.deepEqual(await store.get([NEWS]), [{ ...channel("news"), name: "Olds" }]);
    assert.equal(await store.rename(channelId("none"), "x"), false);
  });

  test("drops a channel with all that is in it", async (store) => {
    for (const open of [false, true]) {
      await store.create(channel("news", open), open ? [] : [ADA, BOB]);
      await store.append(message(T0));
      await store.markRead(BOB, { channelId: NEWS, at: T0 });
      const members = await store.remove(NEWS);
      assert.deepEqual(new Set(members), new Set(open ? [] : [ADA, BOB]));
      assert.equal(await store.remove(NEWS), undefined);
      assert.deepEqual(await store.get([NEWS]), []);
      assert.deepEqual(await store.publicIds(), []);
      assert.deepEqual(await store.memberships(BOB), []);
      assert.deepEqual(await store.messages(NEWS, 10), []);
    }
  });

  test("drops a channel when its last member leaves, and not before", async (store) => {
    await store.create(channel("news"), [ADA, BOB]);
    await store.create(channel("open", true), []);
    await store.removeMember(NEWS, ADA);
    assert.equal((await store.get([NEWS])).length, 1);
    await store.addMember(NEWS, ADA);
    await store.removeMember(NEWS, BOB);
    assert.equal((await store.get([NEWS])).length, 1);
    await store.removeMember(NEWS, ADA);
    assert.deepEqual(await store.get([NEWS]), []);
    assert.equal(await store.countMadeBy(ADA), 1);
    await store.removeMember(channelId("open"), ADA);
    assert.equal((await store.get([channelId("open")])).length, 1);
  });

  test("says that at most 200 messages are unread", async (store) => {
    for (let index = 0; index < 230; index++) await store.append(message(T0 + index));
    const [mark] = await store.readMarks(BOB, [NEWS]);
    assert.equal(mark?.unread, KEPT_MESSAGES);
    await store.markRead(BOB, { channelId: NEWS, at: T0 + 300 });
    assert.equal((await store.readMarks(BOB, [NEWS]))[0]?.unread, 0);
  });

  test("keeps the last 200 messages in order", async (store) => {
    const messages = Array.from({ length: 260 }, (_, index) => message(T0 + index));
    for (const one of messages) await store.append(one);
    assert.deepEqual(await store.messages(NEWS, KEPT_MESSAGES), messages.slice(-200));
    assert.deepEqual(await store.messages(NEWS, 3), messages.slice(-3));
    assert.deepEqual(await store.messages(channelId("none"), 3), []);
  });

  test("never keeps fewer than 200", async (store) => {
    const messages = Array.from({ length: 300 }, (_, index) => message(T0 + index));
    await store.append(messages[0]!);
    await Promise.all(messages.slice(1, 280).map((one) => store.append(one)));
    for (const one of messages.slice(280)) {
      await store.append(one);
      assert.equal((await store.messages(NEWS, KEPT_MESSAGES)).length, KEPT_MESSAGES);
    }
  });

  test("counts what is unread since the mark, which sending moves too", async (store) => {
    await store.append(message(T0));
    await store.append(message(T0 + 10, { parentId: messageId("m0") }));
    const unread = async (user = BOB) => (await store.readMarks(user, [channelId("none"), NEWS]))[1];
    assert.deepEqual(await unread(), { channelId: NEWS, lastReadAt: null, unread: 2 });
    assert.deepEqual(await unread(ADA), { channelId: NEWS, lastReadAt: T0 + 10, unread: 0 });
    assert.equal(await store.markRead(BOB, { channelId: NEWS, at: T0 + 20 }), T0 + 20);
    assert.deepEqual(await unread(), { channelId: NEWS, lastReadAt: T0 + 20, unread: 0 });
    await store.append(message(T0 + 30));
    assert.deepEqual(await unread(), { channelId: NEWS, lastReadAt: T0 + 20, unread: 1 });
  });

  test("never moves a mark back, and reads what another clock wrote ahead of time", async (store) => {
    await store.append(message(T0 + 1_000));
    assert.equal(await store.markRead(BOB, { channelId: NEWS, at: T0 }), T0 + 1_000);
    assert.equal(await store.markRead(BOB, { channelId: NEWS, at: T0 + 2_000 }), T0 + 2_000);
    assert.equal(await store.markRead(BOB, { channelId: NEWS, at: T0 + 500 }), T0 + 2_000);
  });

  return cases;
}
