/**
 * Channels in Deno KV, for one process: `["channel", id]`, `["public_channel", id]`, `["membership", user, channel]`,
 * `["member", channel, user]` (with `["member", channel]` where it is kept), `["made", user, channel]`,
 * `["message", channel, id]`, `["message_count", channel]` (all it ever got) and `["read_mark", user, channel]`.
 */
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
  /** Of each channel that got a message or was read since the start. */
  readonly #counts = new Map<ChannelId, Promise<Counts>>();

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
    for (const batch of batches(memberIds, MAX_MUTATIONS / 2)) {
      const members = this.#kv.atomic();
      for (const userId of batch) {
        members.set(["membership", userId, channel.id], true).set(["member", channel.id, userId], true);
      }
      await members.commit();
    }
    const added = this.#kv.atomic().check({ key, versionstamp: null }).set(key, channel)
      .set(["member", channel.id], true);
    if (channel.createdBy !== null) added.set(["made", channel.createdBy, channel.id], true);
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

  async countMadeBy(userId: UserId): Promise<number> {
    return (await this.#lastParts(["made", userId])).length;
  }

  async rename(channelId: ChannelId, name: string): Promise<boolean> {
    const entry = await this.#kv.get<Channel>(["channel", channelId]);
    if (entry.value === null) return false;
    return (await this.#kv.atomic().check(entry).set(entry.key, { ...entry.value, name }).commit()).ok;
  }

  async remove(channelId: ChannelId): Promise<UserId[] | undefined> {
    const entry = await this.#kv.get<Channel>(["channel", channelId]);
    if (entry.value === null) return undefined;
    const { createdBy } = entry.value;
    // the channel first: nobody comes in while the rest goes
    const removed = this.#kv.atomic().check(entry).delete(entry.key).delete(["public_channel", channelId])
      .delete(["member", channelId]).delete(["message_count", channelId]);
    if (createdBy !== null) removed.delete(["made", createdBy, channelId]);
    if (!(await removed.commit()).ok) return undefined;
    this.#counts.delete(channelId);
    const members = await this.#lastParts<UserId>(["member", channelId]);
    const messages: Deno.KvKey[] = [];
    for await (const { key } of this.#kv.list({ prefix: ["message", channelId] })) messages.push(key);
    await this.#deleteAll([
      ...members.flatMap((userId) => [
        ["member", channelId, userId],
        ["membership", userId, channelId],
        ["read_mark", userId, channelId],
      ]),
      ...messages,
    ]);
    return members;
  }

  async addMember(channelId: ChannelId, userId: UserId): Promise<boolean> {
    (await this.#loadMembers())?.add(userId);
    const key = ["membership", userId, channelId];
    const [channel, isListed] = await this.#kv.getMany([["channel", channelId], ["member", channelId]]);
    if (channel.versionstamp === null) return false;
    const added = this.#kv.atomic().check({ key, versionstamp: null }).check(channel).set(key, true);
    // a channel of a version that kept no list of members has none
    if (isListed.versionstamp !== null) added.set(["member", channelId, userId], true);
    return (await added.commit()).ok;
  }

  async removeMember(channelId: ChannelId, userId: UserId): Promise<boolean> {
    const entry = await this.#kv.get(["membership", userId, channelId]);
    if (entry.versionstamp === null) return false;
    const removed = this.#kv.atomic().check(entry).delete(entry.key).delete(["member", channelId, userId]);
    if (!(await removed.commit()).ok) return false;
    const [channel, isListed] = await this.#kv.getMany<[Channel, boolean]>([
      ["channel", channelId],
      ["member", channelId],
    ]);
    const isPublic = channel.value?.public ?? true;
    if (isListed.value && !isPublic && !await this.#hasAny(["member", channelId])) {
      await this.remove(channelId);
    }
    return true;
  }

  async append(message: Message): Promise<void> {
    const { id, channelId, user, content, createdAt } = message;
    const counts = await this.#countsOf(channelId);
    const total = ++counts.total;
    await this.#write({
      apply: (batch) =>
        batch.set(["message", channelId, id], message).set(["message_count", channelId], total)
          .set(["read_mark", user.id, channelId], { at: createdAt, count: total } satisfies Mark),
      bytes: 1_000 + 3 * content.length,
    });
    const surplus = ++counts.kept - KEPT_MESSAGES;
    if (surplus <= SURPLUS) return;
    counts.kept -= surplus;
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
    const [[last], before] = await Promise.all([this.messages(channelId, 1), this.#kv.get<Mark>(key)]);
    const { total: count } = await this.#countsOf(channelId);
    const mark: Mark = { at: Math.max(at, last?.createdAt ?? 0, before.value?.at ?? 0), count };
    await this.#kv.set(key, mark);
    return mark.at;
  }

  async readMarks(userId: UserId, channelIds: readonly ChannelId[]): Promise<ReadMark[]> {
    const [marks, totals] = await Promise.all([
      this.#getAll<Mark>(channelIds.map((id) => ["read_mark", userId, id])),
      this.#getAll<number>(channelIds.map((id) => ["message_count", id])),
    ]);
    return channelIds.map((channelId, index) => {
      const { at = null, count = 0 } = marks[index] ?? {};
      return { channelId, lastReadAt: at, unread: Math.min(KEPT_MESSAGES, (totals[index] ?? 0) - count) };
    });
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

  /** Made before the first write, so that every write is counted once. */
  #countsOf(channelId: ChannelId): Promise<Counts> {
    let counts = this.#counts.get(channelId);
    // others write too: what was counted is over
    if (counts === undefined || !this.#exclusive) {
      counts = this.#count(channelId);
      this.#counts.set(channelId, counts);
      counts.catch(() => this.#counts.delete(channelId));
    }
    return counts;
  }

  async #count(channelId: ChannelId): Promise<Counts> {
    const total = await this.#kv.get<number>(["message_count", channelId]);
    const kept = (await this.#lastParts(["message", channelId])).length;
    return { kept, total: total.value ?? kept };
  }

  async #dropOldest(channelId: ChannelId, limit: number): Promise<void> {
    const old: Deno.KvKey[] = [];
    for await (const { key } of this.#kv.list({ prefix: ["message", channelId] }, { limit })) old.push(key);
    await this.#deleteAll(old);
  }

  async #deleteAll(keys: readonly Deno.KvKey[]): Promise<void> {
    for (const batch of batches(keys, MAX_MUTATIONS)) {
      const removed = this.#kv.atomic();
      for (const key of batch) removed.delete(key);
      await removed.commit();
    }
  }

  async #getAll<Value>(keys: readonly Deno.KvKey[]): Promise<(Value | null)[]> {
    const reads = Array.from(batches(keys, MAX_READS), (batch) => this.#kv.getMany<Value[]>(batch));
    return (await Promise.all(reads)).flat().map(({ value }) => value);
  }

  async #lastParts<Id extends string = ChannelId>(prefix: Deno.KvKey): Promise<Id[]> {
    const ids: Id[] = [];
    for await (const { key } of this.#kv.list({ prefix })) ids.push(key.at(-1) as Id);
    return ids;
  }

  async #hasAny(prefix: Deno.KvKey): Promise<boolean> {
    for await (const _ of this.#kv.list({ prefix }, { limit: 1 })) return true;
    return false;
  }
}
