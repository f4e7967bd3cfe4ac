/**
 * Channels in Deno KV, for one process: `["channel", id]`, `["public_channel", id]`, `["membership", user, channel]`,
 * `["member", channel, user]` (with `["member", channel]` where it is kept), `["made", user, channel]`,
 * `["message", channel, id]`, `["message_count", channel]` (all it ever got) and `["read_mark", user, channel]`.
 */
import { batches } from "../batches.ts";
import type { ChannelId, UserId } from "../protocol/ids.ts";
import { type Channel, KEPT_MESSAGES, type Message } from "../protocol/resources.ts";
import { createKvWriter } from "./kv_group_commit.ts";
import type { ChannelStore } from "./store.ts";

// old messages are dropped so many at a time
const SURPLUS = 50;
// what Deno KV takes in one commit and in one read
const MAX_MUTATIONS = 500;
const MAX_READS = 10;

/** How many messages of a channel are stored, and how many it ever got. */
interface Counts {
  kept: number;
  total: number;
}

/** How far a user has read: a time, and how many messages there had been. */
interface Mark {
  at: number;
  count: number;
}

interface KvChannelStoreOptions {
  /**
   * Whether nobody else writes to the database, as when it is a file of this process. Then a user without memberships
   * of their own, as most are, costs no read. Default true.
   */
  exclusive?: boolean;
}

/** The caller keeps and closes `kv`. */
export function createKvChannelStore(kv: Deno.Kv, options: KvChannelStoreOptions = {}): ChannelStore {
  const { exclusive = true } = options;
  const write = createKvWriter(kv);
  /** Of each channel that got a message or was read since the start. */
  const counted = new Map<ChannelId, Promise<Counts>>();
  /** Users who may have memberships of their own; `undefined` until it is read, and when others may add to them. */
  let members: Promise<Set<UserId>> | undefined;

  function loadMembers(): Promise<Set<UserId>> | undefined {
    if (exclusive) {
      members ??= readMembers().catch((error) => {
        // read again the next time
        members = undefined;
        throw error;
      });
    }
    return members;
  }

  async function readMembers(): Promise<Set<UserId>> {
    const members = new Set<UserId>();
    for (const key of await keysBelow(["membership"])) members.add(key[1] as UserId);
    return members;
  }

  async function keysBelow(prefix: Deno.KvKey, limit?: number): Promise<Deno.KvKey[]> {
    const keys: Deno.KvKey[] = [];
    for await (const { key } of kv.list({ prefix }, limit === undefined ? {} : { limit })) keys.push(key);
    return keys;
  }

  async function idsBelow<Id extends string = ChannelId>(prefix: Deno.KvKey): Promise<Id[]> {
    return (await keysBelow(prefix)).map((key) => key.at(-1) as Id);
  }

  async function getAll<Value>(keys: readonly Deno.KvKey[]): Promise<(Value | null)[]> {
    const reads = Array.from(batches(keys, MAX_READS), (batch) => kv.getMany<Value[]>(batch));
    return (await Promise.all(reads)).flat().map(({ value }) => value);
  }

  async function deleteAll(keys: readonly Deno.KvKey[]): Promise<void> {
    for (const batch of batches(keys, MAX_MUTATIONS)) {
      const removed = kv.atomic();
      for (const key of batch) removed.delete(key);
      await removed.commit();
    }
  }

  /** Made before the first write, so that every write is counted once. */
  function countsOf(channelId: ChannelId): Promise<Counts> {
    let counts = counted.get(channelId);
    // others write too: what was counted is over
    if (counts === undefined || !exclusive) {
      counts = count(channelId);
      counted.set(channelId, counts);
      counts.catch(() => counted.delete(channelId));
    }
    return counts;
  }

  async function count(channelId: ChannelId): Promise<Counts> {
    const total = await kv.get<number>(["message_count", channelId]);
    const kept = (await keysBelow(["message", channelId])).length;
    return { kept, total: total.value ?? kept };
  }

  const store: ChannelStore = {
    async create(channel, memberIds) {
      const key = ["channel", channel.id];
      if ((await kv.get(key)).versionstamp !== null) return false;
      const known = await loadMembers();
      for (const userId of memberIds) known?.add(userId);
      // members first: a channel that can be seen has them all
      for (const batch of batches(memberIds, MAX_MUTATIONS / 2)) {
        const members = kv.atomic();
        for (const userId of batch) {
          members.set(["membership", userId, channel.id], true).set(["member", channel.id, userId], true);
        }
        await members.commit();
      }
      const added = kv.atomic().check({ key, versionstamp: null }).set(key, channel)
        .set(["member", channel.id], true);
      if (channel.createdBy !== null) added.set(["made", channel.createdBy, channel.id], true);
      if (channel.public) added.set(["public_channel", channel.id], true);
      return (await added.commit()).ok;
    },
    async get(channelIds) {
      const channels = await getAll<Channel>(channelIds.map((id) => ["channel", id]));
      return channels.filter((channel) => channel !== null);
    },
    publicIds: () => idsBelow(["public_channel"]),
    async memberships(userId) {
      if ((await loadMembers())?.has(userId) === false) return [];
      return await idsBelow(["membership", userId]);
    },
    countMadeBy: async (userId) => (await keysBelow(["made", userId])).length,
    async rename(channelId, name) {
      const entry = await kv.get<Channel>(["channel", channelId]);
      if (entry.value === null) return false;
      return (await kv.atomic().check(entry).set(entry.key, { ...entry.value, name }).commit()).ok;
    },
    async remove(channelId) {
      const entry = await kv.get<Channel>(["channel", channelId]);
      if (entry.value === null) return undefined;
      const { createdBy } = entry.value;
      // the channel first: nobody comes in while the rest goes
      const removed = kv.atomic().check(entry).delete(entry.key).delete(["public_channel", channelId])
        .delete(["member", channelId]).delete(["message_count", channelId]);
      if (createdBy !== null) removed.delete(["made", createdBy, channelId]);
      if (!(await removed.commit()).ok) return undefined;
      counted.delete(channelId);
      const members = await idsBelow<UserId>(["member", channelId]);
      await deleteAll([
        ...members.flatMap((userId) => [
          ["member", channelId, userId],
          ["membership", userId, channelId],
          ["read_mark", userId, channelId],
        ]),
        ...await keysBelow(["message", channelId]),
      ]);
      return members;
    },
    async addMember(channelId, userId) {
      (await loadMembers())?.add(userId);
      const key = ["membership", userId, channelId];
      const [channel, isListed] = await kv.getMany([["channel", channelId], ["member", channelId]]);
      if (channel.versionstamp === null) return false;
      const added = kv.atomic().check({ key, versionstamp: null }).check(channel).set(key, true);
      // a channel of a version that kept no list of members has none
      if (isListed.versionstamp !== null) added.set(["member", channelId, userId], true);
      return (await added.commit()).ok;
    },
    async removeMember(channelId, userId) {
      const entry = await kv.get(["membership", userId, channelId]);
      if (entry.versionstamp === null) return false;
      const removed = kv.atomic().check(entry).delete(entry.key).delete(["member", channelId, userId]);
      if (!(await removed.commit()).ok) return false;
      const [channel, isListed] = await kv.getMany<[Channel, boolean]>([
        ["channel", channelId],
        ["member", channelId],
      ]);
      const isPublic = channel.value?.public ?? true;
      const isLast = isListed.value && (await keysBelow(["member", channelId], 1)).length === 0;
      if (!isPublic && isLast) await store.remove(channelId);
      return true;
    },
    async append(message) {
      const { id, channelId, user, content, createdAt } = message;
      const counts = await countsOf(channelId);
      const total = ++counts.total;
      await write({
        apply: (batch) =>
          batch.set(["message", channelId, id], message).set(["message_count", channelId], total)
            .set(["read_mark", user.id, channelId], { at: createdAt, count: total } satisfies Mark),
        bytes: 1_000 + 3 * content.length,
      });
      const surplus = ++counts.kept - KEPT_MESSAGES;
      if (surplus <= SURPLUS) return;
      counts.kept -= surplus;
      await deleteAll(await keysBelow(["message", channelId], surplus));
    },
    async messages(channelId, limit) {
      const messages: Message[] = [];
      const last = kv.list<Message>({ prefix: ["message", channelId] }, { reverse: true, limit });
      for await (const { value } of last) messages.push(value);
      return messages.reverse();
    },
    async markRead(userId, { channelId, at }) {
      const key = ["read_mark", userId, channelId];
      const [[last], before] = await Promise.all([store.messages(channelId, 1), kv.get<Mark>(key)]);
      const { total: count } = await countsOf(channelId);
      const mark: Mark = { at: Math.max(at, last?.createdAt ?? 0, before.value?.at ?? 0), count };
      await kv.set(key, mark);
      return mark.at;
    },
    async readMarks(userId, channelIds) {
      const [marks, totals] = await Promise.all([
        getAll<Mark>(channelIds.map((id) => ["read_mark", userId, id])),
        getAll<number>(channelIds.map((id) => ["message_count", id])),
      ]);
      return channelIds.map((channelId, index) => {
        const { at = null, count = 0 } = marks[index] ?? {};
        return { channelId, lastReadAt: at, unread: Math.min(KEPT_MESSAGES, (totals[index] ?? 0) - count) };
      });
    },
  };
  return store;
}
