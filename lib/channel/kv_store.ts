/**
 * Channels in Deno KV, for one process: `["channel", id]`, `["public_channel", id]`, `["membership", user, channel]`,
 * `["message", channel, id]` and `["read_mark", user, channel]`.
 */
import { encodeTime } from "ulid";
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
const ULID_TIME_LENGTH = 10;

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
  /** How many messages are stored of each channel that got one since the start. */
  const counters = new Map<ChannelId, Promise<{ count: number }>>();
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
    for await (const { key } of kv.list({ prefix: ["membership"] })) members.add(key[1] as UserId);
    return members;
  }

  async function lastParts(prefix: Deno.KvKey): Promise<ChannelId[]> {
    const ids: ChannelId[] = [];
    for await (const { key } of kv.list({ prefix })) ids.push(key.at(-1) as ChannelId);
    return ids;
  }

  async function getAll<Value>(keys: readonly Deno.KvKey[]): Promise<(Value | null)[]> {
    const reads = Array.from(batches(keys, MAX_READS), (batch) => kv.getMany<Value[]>(batch));
    return (await Promise.all(reads)).flat().map(({ value }) => value);
  }

  async function lastMessages(channelId: ChannelId, limit: number): Promise<Message[]> {
    const messages: Message[] = [];
    const last = kv.list<Message>({ prefix: ["message", channelId] }, { reverse: true, limit });
    for await (const { value } of last) messages.push(value);
    return messages.reverse();
  }

  /** How many messages there are, since `at` or at all. */
  async function count(channelId: ChannelId, at?: number): Promise<number> {
    const prefix = ["message", channelId];
    const selector = at === undefined
      ? { prefix }
      : { prefix, start: [...prefix, encodeTime(at, ULID_TIME_LENGTH)] };
    let count = 0;
    for await (const _ of kv.list(selector)) count++;
    return count;
  }

  /** Made before the first write, so that every write is counted once. */
  function counterOf(channelId: ChannelId): Promise<{ count: number }> {
    let counter = counters.get(channelId);
    if (counter === undefined) {
      counter = count(channelId).then((count) => ({ count }));
      counters.set(channelId, counter);
      counter.catch(() => counters.delete(channelId));
    }
    return counter;
  }

  async function dropOldest(channelId: ChannelId, limit: number): Promise<void> {
    const old: Deno.KvKey[] = [];
    for await (const { key } of kv.list({ prefix: ["message", channelId] }, { limit })) old.push(key);
    for (const batch of batches(old, MAX_MUTATIONS)) {
      const removed = kv.atomic();
      for (const key of batch) removed.delete(key);
      await removed.commit();
    }
  }

  return {
    async create(channel, memberIds) {
      const key = ["channel", channel.id];
      if ((await kv.get(key)).versionstamp !== null) return false;
      const known = await loadMembers();
      for (const userId of memberIds) known?.add(userId);
      // members first: a channel that can be seen has them all
      for (const batch of batches(memberIds, MAX_MUTATIONS)) {
        const members = kv.atomic();
        for (const userId of batch) members.set(["membership", userId, channel.id], true);
        await members.commit();
      }
      const added = kv.atomic().check({ key, versionstamp: null }).set(key, channel);
      if (channel.public) added.set(["public_channel", channel.id], true);
      return (await added.commit()).ok;
    },
    async get(channelIds) {
      const channels = await getAll<Channel>(channelIds.map((id) => ["channel", id]));
      return channels.filter((channel) => channel !== null);
    },
    publicIds: () => lastParts(["public_channel"]),
    async memberships(userId) {
      if ((await loadMembers())?.has(userId) === false) return [];
      return await lastParts(["membership", userId]);
    },
    async addMember(channelId, userId) {
      (await loadMembers())?.add(userId);
      const key = ["membership", userId, channelId];
      return (await kv.atomic().check({ key, versionstamp: null }).set(key, true).commit()).ok;
    },
    async removeMember(channelId, userId) {
      const entry = await kv.get(["membership", userId, channelId]);
      if (entry.versionstamp === null) return false;
      return (await kv.atomic().check(entry).delete(entry.key).commit()).ok;
    },
    async append(message) {
      const { id, channelId, user, content, createdAt } = message;
      const counter = await counterOf(channelId);
      await write({
        apply: (batch) =>
          batch.set(["message", channelId, id], message).set(["read_mark", user.id, channelId], createdAt),
        bytes: 1_000 + 3 * content.length,
      });
      const surplus = ++counter.count - KEPT_MESSAGES;
      if (surplus <= SURPLUS) return;
      counter.count -= surplus;
      await dropOldest(channelId, surplus);
    },
    messages: lastMessages,
    async markRead(userId, { channelId, at }) {
      const key = ["read_mark", userId, channelId];
      const [[last], before] = await Promise.all([lastMessages(channelId, 1), kv.get<number>(key)]);
      const mark = Math.max(at, last?.createdAt ?? 0, before.value ?? 0);
      await kv.set(key, mark);
      return mark;
    },
    async readMarks(userId, channelIds) {
      const marks = await getAll<number>(channelIds.map((id) => ["read_mark", userId, id]));
      return await Promise.all(channelIds.map(async (channelId, index) => {
        const lastReadAt = marks[index] ?? null;
        const unread = Math.min(KEPT_MESSAGES, await count(channelId, (lastReadAt ?? 0) + 1));
        return { channelId, lastReadAt, unread };
      }));
    },
  };
}
