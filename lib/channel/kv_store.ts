/**
 * Channels in Deno KV, for one process: `["channel", id]`, `["public_channel", id]`, `["membership", user, channel]`,
 * `["message", channel, id]` and `["read_mark", user, channel]`.
 */
import { encodeTime } from "ulid";
import { batches } from "../batches.ts";
import type { ChannelId, UserId } from "../protocol/ids.ts";
import { type Channel, KEPT_MESSAGES, type Message } from "../protocol/resources.ts";
import type { ReadMark } from "./channel.ts";
import { createKvWriter, type Write } from "./kv_group_commit.ts";
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

/** Makes the store; the caller keeps and closes `kv`. */
export function createKvChannelStore(
  kv: Deno.Kv,
  { exclusive = true }: KvChannelStoreOptions = {},
): ChannelStore {
  return new KvChannelStore(kv, exclusive);
}

class KvChannelStore implements ChannelStore {
  readonly #kv: Deno.Kv;
  readonly #write: (write: Write) => Promise<void>;
  /** How many messages are stored of each channel that got one since the start. */
  readonly #counters = new Map<ChannelId, Promise<{ count: number }>>();

  /** Users who may have memberships of their own; `undefined` when others may add to them. */
  #members: Promise<Set<UserId>> | undefined;
  readonly #exclusive: boolean;

  constructor(kv: Deno.Kv, exclusive: boolean) {
    this.#kv = kv;
    this.#exclusive = exclusive;
    this.#write = createKvWriter(kv);
  }

  async create(channel: Channel, memberIds: readonly UserId[]): Promise<boolean> {
    const key = ["channel", channel.id];
    if ((await this.#kv.get(key)).versionstamp !== null) return false;
    const known = await this.#loadMembers();
    for (const userId of memberIds) known?.add(userId);
    // members first: a channel that can be seen has them all
    for (const batch of batches(memberIds, MAX_MUTATIONS)) {
      const members = this.#kv.atomic();
      for (const userId of batch) members.set(["membership", userId, channel.id], true);
      await members.commit();
    }
    const added = this.#kv.atomic().check({ key, versionstamp: null }).set(key, channel);
    if (channel.public) added.set(["public_channel", channel.id], true);
    return (await added.commit()).ok;
  }

  async get(channelIds: readonly ChannelId[]): Promise<Channel[]> {
    const channels = await this.#getAll<Channel>(channelIds.map((id) => ["channel", id]));
    return channels.filter((channel) => channel !== null);
  }

  async publicIds(): Promise<ChannelId[]> {
    return await this.#lastParts(["public_channel"]);
  }

  async memberships(userId: UserId): Promise<ChannelId[]> {
    if ((await this.#loadMembers())?.has(userId) === false) return [];
    return await this.#lastParts(["membership", userId]);
  }

  async addMember(channelId: ChannelId, userId: UserId): Promise<boolean> {
    (await this.#loadMembers())?.add(userId);
    const key = ["membership", userId, channelId];
    return (await this.#kv.atomic().check({ key, versionstamp: null }).set(key, true).commit()).ok;
  }

  async removeMember(channelId: ChannelId, userId: UserId): Promise<boolean> {
    const entry = await this.#kv.get(["membership", userId, channelId]);
    if (entry.versionstamp === null) return false;
    return (await this.#kv.atomic().check(entry).delete(entry.key).commit()).ok;
  }

  async append(message: Message): Promise<void> {
    const { id, channelId, user, content, createdAt } = message;
    const counter = await this.#counter(channelId);
    await this.#write({
      apply: (batch) =>
        batch.set(["message", channelId, id], message).set(["read_mark", user.id, channelId], createdAt),
      bytes: 1_000 + 3 * content.length,
    });
    const surplus = ++counter.count - KEPT_MESSAGES;
    if (surplus <= SURPLUS) return;
    counter.count -= surplus;
    await this.#dropOldest(channelId, surplus);
  }

  async messages(channelId: ChannelId, limit: number): Promise<Message[]> {
    const messages: Message[] = [];
    const last = this.#kv.list<Message>({ prefix: ["message", channelId] }, { reverse: true, limit });
    for await (const { value } of last) messages.push(value);
    return messages.reverse();
  }

  async markRead(userId: UserId, { channelId, at }: { channelId: ChannelId; at: number }): Promise<number> {
    const key = ["read_mark", userId, channelId];
    const [[last], before] = await Promise.all([this.messages(channelId, 1), this.#kv.get<number>(key)]);
    const mark = Math.max(at, last?.createdAt ?? 0, before.value ?? 0);
    await this.#kv.set(key, mark);
    return mark;
  }

  async readMarks(userId: UserId, channelIds: readonly ChannelId[]): Promise<ReadMark[]> {
    const marks = await this.#getAll<number>(channelIds.map((id) => ["read_mark", userId, id]));
    return await Promise.all(channelIds.map(async (channelId, index) => {
      const lastReadAt = marks[index] ?? null;
      return { channelId, lastReadAt, unread: await this.#countSince(channelId, (lastReadAt ?? 0) + 1) };
    }));
  }

  #loadMembers(): Promise<Set<UserId>> | undefined {
    if (this.#exclusive) {
      this.#members ??= this.#readMembers().catch((error) => {
        // read again the next time
        this.#members = undefined;
        throw error;
      });
    }
    return this.#members;
  }

  async #readMembers(): Promise<Set<UserId>> {
    const members = new Set<UserId>();
    for await (const { key } of this.#kv.list({ prefix: ["membership"] })) members.add(key[1] as UserId);
    return members;
  }

  async #countSince(channelId: ChannelId, at: number): Promise<number> {
    const prefix = ["message", channelId];
    const start = [...prefix, encodeTime(at, ULID_TIME_LENGTH)];
    let count = 0;
    for await (const _ of this.#kv.list({ prefix, start }, { limit: KEPT_MESSAGES })) count++;
    return count;
  }

  /** Made before the first write, so that every write is counted once. */
  #counter(channelId: ChannelId): Promise<{ count: number }> {
    let counter = this.#counters.get(channelId);
    if (counter === undefined) {
      counter = this.#count(channelId);
      this.#counters.set(channelId, counter);
      counter.catch(() => this.#counters.delete(channelId));
    }
    return counter;
  }

  async #count(channelId: ChannelId): Promise<{ count: number }> {
    let count = 0;
    for await (const _ of this.#kv.list({ prefix: ["message", channelId] })) count++;
    return { count };
  }

  async #dropOldest(channelId: ChannelId, limit: number): Promise<void> {
    const old: Deno.KvKey[] = [];
    for await (const { key } of this.#kv.list({ prefix: ["message", channelId] }, { limit })) old.push(key);
    for (const batch of batches(old, MAX_MUTATIONS)) {
      const removed = this.#kv.atomic();
      for (const key of batch) removed.delete(key);
      await removed.commit();
    }
  }

  async #getAll<Value>(keys: readonly Deno.KvKey[]): Promise<(Value | null)[]> {
    const reads = Array.from(batches(keys, MAX_READS), (batch) => this.#kv.getMany<Value[]>(batch));
    return (await Promise.all(reads)).flat().map(({ value }) => value);
  }

  async #lastParts(prefix: Deno.KvKey): Promise<ChannelId[]> {
    const ids: ChannelId[] = [];
    for await (const { key } of this.#kv.list({ prefix })) ids.push(key.at(-1) as ChannelId);
    return ids;
  }
}
