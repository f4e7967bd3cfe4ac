import assert from "node:assert/strict";
import type { MembershipChange } from "../../lib/channel/channel.ts";
import { type Actor, MAX_CHANNELS_MADE, MAX_CHANNELS_OF_USER } from "../../lib/channel/channel_rules.ts";
import { MESSAGE_BURST } from "../../lib/channel/posting_limit.ts";
import { type ChannelService, type ChannelsOptions, createChannels } from "../../lib/channel/service.ts";
import type { ChannelStore } from "../../lib/channel/store.ts";
import { type ChannelId, channelId, type UserId, userId } from "../../lib/protocol/ids.ts";
import { openChannelStore } from "../support/kv_stores.ts";

const GENERAL = channelId("general");
const DENIED = { code: "access/denied" };

function actor(id: string, role = "user"): Actor {
  return { id: userId(id), name: id, role };
}

const ADA = actor("ada");
const BOB = actor("bob");
const EVE = actor("eve");

/** Counts the store's reads of memberships. */
function counting(store: ChannelStore): { store: ChannelStore; reads: string[] } {
  const reads: string[] = [];
  const memberships = (id: UserId): Promise<ChannelId[]> => {
    reads.push(id);
    return store.memberships(id);
  };
  return {
    reads,
    store: new Proxy(store, {
      get(target, method: keyof ChannelStore) {
        return method === "memberships" ? memberships : target[method].bind(target);
      },
    }),
  };
}

async function open(options: Partial<ChannelsOptions> = {}): Promise<ChannelService & Disposable> {
  const store = await openChannelStore();
  const channels = await createChannels({ store, ...options });
  return Object.assign(channels, { [Symbol.dispose]: () => store[Symbol.dispose]() });
}

async function team(channels: ChannelService, ...members: Actor[]): Promise<ChannelId> {
  const channel = { name: "Team", public: false, memberIds: members.map(({ id }) => id) };
  return (await channels.create(ADA, channel)).id;
}

Deno.test("ChannelService has a public channel general from the start, and one only", async () => {
  using store = await openChannelStore();
  await createChannels({ store });
  const channels = await createChannels({ store });
  assert.deepEqual(await channels.channelsOf(EVE.id), [GENERAL]);
  assert.equal(await channels.isMember(GENERAL, EVE.id), true);
  assert.equal(await channels.areAllVisible(), true);
  assert.deepEqual(await channels.visibleTo(ADA.id, [EVE.id, BOB.id]), [EVE.id, BOB.id]);
});

Deno.test("ChannelService shows users those with whom they share a channel, where none is public", async () => {
  using channels = await open({ publicChannels: "none" });
  const id = await team(channels, BOB);
  assert.equal(await channels.areAllVisible(), false);
  assert.deepEqual(await channels.visibleTo(ADA.id, [EVE.id, BOB.id]), [BOB.id]);
  assert.deepEqual(await channels.visibleTo(EVE.id, [ADA.id, BOB.id]), []);
  await channels.removeMember(ADA, { channelId: id, userId: BOB.id });
  assert.deepEqual(await channels.visibleTo(ADA.id, [EVE.id, BOB.id]), []);
});

Deno.test("ChannelService lets only members in, and tells nobody which channels there are", async () => {
  using channels = await open();
  const id = await team(channels, BOB);
  for (const channelId_ of [id, channelId("none")]) {
    const message = { channelId: channelId_, parentId: null, content: "Hi" };
    await assert.rejects(channels.post(EVE, message), DENIED);
    await assert.rejects(channels.messages(EVE.id, channelId_), DENIED);
    await assert.rejects(channels.typing(EVE, { channelId: channelId_, typing: true }), DENIED);
    await assert.rejects(channels.markRead(EVE.id, channelId_), DENIED);
    await assert.rejects(channels.addMember(EVE, { channelId: channelId_, userId: EVE.id }), DENIED);
  }
  await channels.post(BOB, { channelId: id, parentId: null, content: "Hi" });
  assert.deepEqual((await channels.messages(ADA.id, id)).map(({ content }) => content), ["Hi"]);
});

Deno.test("ChannelService lets a channel's maker and administrators change its members", async () => {
  using channels = await open();
  const id = await team(channels, BOB);
  await assert.rejects(channels.addMember(BOB, { channelId: id, userId: EVE.id }), DENIED);
  await assert.rejects(channels.removeMember(BOB, { channelId: id, userId: ADA.id }), DENIED);
  assert.equal(await channels.addMember(ADA, { channelId: id, userId: EVE.id }), true);
  assert.equal(await channels.addMember(ADA, { channelId: id, userId: EVE.id }), false);
  assert.equal(await channels.removeMember(actor("root", "admin"), { channelId: id, userId: EVE.id }), true);
  assert.equal(await channels.removeMember(BOB, { channelId: id, userId: BOB.id }), true);
  await assert.rejects(channels.addMember(ADA, { channelId: GENERAL, userId: EVE.id }), {
    code: "request/invalid",
  });
});

Deno.test("ChannelService tells of every change of membership, its own and others'", async () => {
  using store = await openChannelStore();
  const [here, there] = [await createChannels({ store }), await createChannels({ store })];
  const heard: [MembershipChange, boolean][] = [];
  here.onMembershipChange((change, { local }) => {
    heard.push([change, local]);
    // as realtime does over the fleet
    if (local) there.receive(change);
  });
  const id = await team(here, BOB);
  assert.equal(await there.isMember(id, EVE.id), false);
  await here.addMember(ADA, { channelId: id, userId: EVE.id });
  assert.equal(await there.isMember(id, EVE.id), true);
  await here.removeMember(ADA, { channelId: id, userId: EVE.id });
  assert.equal(await there.isMember(id, EVE.id), false);
  const open = await here.create(ADA, { name: "Open", public: true, memberIds: [] });
  assert.equal(await there.isMember(open.id, EVE.id), true);
  assert.deepEqual(heard, [
    [{ kind: "joined", channelId: id, userIds: [ADA.id, BOB.id] }, true],
    [{ kind: "joined", channelId: id, userIds: [EVE.id] }, true],
    [{ kind: "left", channelId: id, userIds: [EVE.id] }, true],
    [{ kind: "joined", channelId: open.id, userIds: null }, true],
  ]);
});

Deno.test("isMember() reads the store once for many events", async () => {
  using counted = await openChannelStore();
  const { store, reads } = counting(counted);
  const channels = await createChannels({ store });
  await Promise.all(Array.from({ length: 100 }, () => channels.isMember(channelId("x"), ADA.id)));
  for (let event = 0; event < 100; event++) await channels.typing(ADA, { channelId: GENERAL, typing: true });
  assert.deepEqual(reads, ["ada"]);
  channels.refresh();
  await channels.channelsOf(ADA.id);
  assert.deepEqual(reads, ["ada", "ada"]);
});

Deno.test("isMember() does not answer from a read that a change overtook", async () => {
  using memory = await openChannelStore();
  const reading = Promise.withResolvers<void>();
  let reads = 0;
  const store: ChannelStore = new Proxy(memory, {
    get(target, method: keyof ChannelStore) {
      if (method !== "memberships") return target[method].bind(target);
      return async (id: UserId) => {
        const ids = await target.memberships(id);
        if (++reads === 1) await reading.promise;
        return ids;
      };
    },
  });
  const channels = await createChannels({ store });
  const id = channelId("team");
  await memory.create({ id, name: "Team", public: false, createdBy: ADA.id, createdAt: 1 }, [EVE.id]);
  const answer = channels.isMember(id, EVE.id);
  await memory.removeMember(id, EVE.id);
  channels.receive({ kind: "left", channelId: id, userIds: [EVE.id] });
  reading.resolve();
  assert.equal(await answer, false);
});

Deno.test("post() gives ids that sort by time even when the clock goes back", async () => {
  let now = 1_700_000_000_000;
  using channels = await open({ now: () => now });
  const ids: string[] = [];
  for (const step of [0, 0, 0, 5, -1_000, 0, 2_000]) {
    now += step;
    const { id, createdAt } = await channels.post(ADA, { channelId: GENERAL, parentId: null, content: "x" });
    ids.push(id);
    assert(createdAt >= 1_700_000_000_000);
  }
  assert.deepEqual(ids, ids.toSorted());
  assert.equal(new Set(ids).size, ids.length);
});

Deno.test("overview() counts what is unread, for all devices of a user", async () => {
  let now = 1_000;
  using channels = await open({ now: () => now });
  const id = await team(channels, BOB);
  for (; now < 1_005; now++) await channels.post(ADA, { channelId: id, parentId: null, content: "x" });
  const unread = async ({ id }: Actor) => (await channels.overview(id)).map((one) => [one.name, one.unread]);
  assert.deepEqual(await unread(BOB), [["general", 0], ["Team", 5]]);
  assert.deepEqual(await unread(ADA), [["general", 0], ["Team", 0]]);
  assert.deepEqual(await channels.markRead(BOB.id, id), { channelId: id, lastReadAt: 1_005, unread: 0 });
  assert.deepEqual(await unread(BOB), [["general", 0], ["Team", 0]]);
});

Deno.test("create() counts what a user made, and what others put them into keeps them from nothing", async () => {
  using channels = await open();
  for (let count = 0; count < MAX_CHANNELS_MADE; count++) await team(channels, BOB);
  await assert.rejects(team(channels), { code: "request/invalid" });
  // who is in a hundred channels of somebody else makes their own all the same
  const { id } = await channels.create(BOB, { name: "x", public: false, memberIds: [] });
  // and one that goes makes room
  const [first] = await channels.channelsOf(ADA.id);
  await channels.remove(ADA, (await channels.channelsOf(ADA.id)).find((one) => one !== first)!);
  await team(channels);
  assert.equal(await channels.isMember(id, BOB.id), true);
});

Deno.test("create and leave, again and again, leaves nothing behind", async () => {
  using store = await openChannelStore();
  const channels = await createChannels({ store });
  for (let count = 0; count < 2 * MAX_CHANNELS_MADE; count++) {
    const id = await team(channels);
    assert.equal(await channels.removeMember(ADA, { channelId: id, userId: ADA.id }), true);
    assert.deepEqual(await store.get([id]), []);
  }
});

Deno.test("nobody is added to more channels than can be", async () => {
  using store = await openChannelStore();
  const channels = await createChannels({ store });
  const one = await team(channels);
  for (let count = 0; count < MAX_CHANNELS_OF_USER; count++) {
    const id = channelId(`c${count}`);
    await store.create({ id, name: "c", public: false, createdBy: EVE.id, createdAt: 0 }, [BOB.id]);
  }
  const refused = { code: "request/invalid" };
  await assert.rejects(channels.addMember(ADA, { channelId: one, userId: BOB.id }), refused);
  await assert.rejects(team(channels, BOB), refused);
});

Deno.test("rename() and remove() are for the maker and administrators, and never for general", async () => {
  using channels = await open();
  const id = await team(channels, BOB);
  const heard: MembershipChange[] = [];
  channels.onMembershipChange((change) => heard.push(change));
  for (const stranger of [BOB, EVE]) {
    await assert.rejects(channels.rename(stranger, { channelId: id, name: "x" }), DENIED);
    await assert.rejects(channels.remove(stranger, id), DENIED);
  }
  assert.equal((await channels.rename(ADA, { channelId: id, name: "Crew" })).name, "Crew");
  assert.equal((await channels.overview(BOB.id)).find((one) => one.id === id)?.name, "Crew");
  const admin = actor("root", "admin");
  for (const who of [ADA, admin]) await assert.rejects(channels.remove(who, GENERAL), DENIED);
  await channels.remove(admin, id);
  assert.deepEqual(heard, [{ kind: "left", channelId: id, userIds: [ADA.id, BOB.id] }]);
  assert.equal(await channels.isMember(id, ADA.id), false);
  await assert.rejects(channels.remove(admin, id), { code: "access/not-found" });
});

Deno.test("who may make public channels is a setting; with none there is no general either", async () => {
  const admin = actor("root", "admin");
  const wanted = { name: "News", public: true, memberIds: [] };
  for (const publicChannels of ["everyone", "admin", "none"] as const) {
    using channels = await open({ publicChannels });
    const allowed = publicChannels === "everyone" ? [ADA, admin] : publicChannels === "admin" ? [admin] : [];
    for (const who of [ADA, admin]) {
      if (allowed.includes(who)) assert.equal((await channels.create(who, wanted)).public, true);
      else await assert.rejects(channels.create(who, wanted), DENIED);
    }
    assert.equal((await channels.channelsOf(EVE.id)).includes(GENERAL), publicChannels !== "none");
    assert.equal(await channels.areAllVisible(), publicChannels !== "none");
  }
});

Deno.test("post() takes a burst and then asks for a pause, for each user and channel alone", async () => {
  let now = 1_000_000;
  using channels = await open({ now: () => now });
  const id = await team(channels, BOB);
  const post = (who: Actor, channelId = id) =>
    channels.post(who, { channelId, parentId: null, content: "x" });
  for (let count = 0; count < MESSAGE_BURST; count++) await post(ADA);
  await assert.rejects(post(ADA), { code: "request/rate-limited", retryAfterMs: 3000 });
  await post(BOB);
  await post(ADA, GENERAL);
  now += 2999;
  await assert.rejects(post(ADA), { code: "request/rate-limited", retryAfterMs: 1 });
  now += 1;
  await post(ADA);
});

Deno.test("typing() relays every notice when it is told not to coalesce", async () => {
  using channels = await open({ isLimited: false });
  for (let notice = 0; notice < 5; notice++) {
    assert.equal(await channels.typing(ADA, { channelId: GENERAL, typing: true }), true);
  }
});
