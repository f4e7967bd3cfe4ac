/** Channels in memory: what a process without durable storage, and a test, uses. */
import type { ChannelId, UserId } from "../protocol/ids.ts";
import { type Channel, KEPT_MESSAGES, type Message, type ReadMark } from "./channel.ts";
import type { ChannelStore } from "./store.ts";

/** Makes an empty store. */
export function createMemoryChannelStore(): ChannelStore {
  return new MemoryChannelStore();
}

class MemoryChannelStore implements ChannelStore {
  readonly #channels = new Map<ChannelId, Channel>();
  readonly #members = new Map<ChannelId, Set<UserId>>();
  readonly #memberships = new Map<UserId, Set<ChannelId>>();
  readonly #made = new Map<UserId, number>();
  readonly #messages = new Map<ChannelId, Message[]>();
  /** How many messages each channel ever got. */
  readonly #counts = new Map<ChannelId, number>();
  readonly #marks = new Map<UserId, Map<ChannelId, { at: number; count: number }>>();

  create(channel: Channel, memberIds: readonly UserId[]): Promise<boolean> {
    if (this.#channels.has(channel.id)) return Promise.resolve(false);
    this.#channels.set(channel.id, channel);
    this.#members.set(channel.id, new Set(memberIds));
    for (const userId of memberIds) this.#membershipsOf(userId).add(channel.id);
    if (channel.createdBy !== null) this.#countMade(channel.createdBy, 1);
    return Promise.resolve(true);
  }

  get(channelIds: readonly ChannelId[]): Promise<Channel[]> {
    return Promise.resolve(channelIds.map((id) => this.#channels.get(id)).filter((one) => one !== undefined));
  }

  publicIds(): Promise<ChannelId[]> {
    return Promise.resolve([...this.#channels.values()].filter((one) => one.public).map(({ id }) => id));
  }

  memberships(userId: UserId): Promise<ChannelId[]> {
    return Promise.resolve([...this.#memberships.get(userId) ?? []]);
  }

  countMadeBy(userId: UserId): Promise<number> {
    return Promise.resolve(this.#made.get(userId) ?? 0);
  }

  rename(channelId: ChannelId, name: string): Promise<boolean> {
    const channel = this.#channels.get(channelId);
    if (channel !== undefined) this.#channels.set(channelId, { ...channel, name });
    return Promise.resolve(channel !== undefined);
  }

  remove(channelId: ChannelId): Promise<UserId[] | undefined> {
    const channel = this.#channels.get(channelId);
    if (channel === undefined) return Promise.resolve(undefined);
    const members = [...this.#members.get(channelId) ?? []];
    for (const userId of members) {
      this.#memberships.get(userId)?.delete(channelId);
      this.#marks.get(userId)?.delete(channelId);
    }
    for (const map of [this.#channels, this.#members, this.#messages, this.#counts]) map.delete(channelId);
    if (channel.createdBy !== null) this.#countMade(channel.createdBy, -1);
    return Promise.resolve(members);
  }

  addMember(channelId: ChannelId, userId: UserId): Promise<boolean> {
    const members = this.#members.get(channelId);
    if (members === undefined || members.has(userId)) return Promise.resolve(false);
    members.add(userId);
    this.#membershipsOf(userId).add(channelId);
    return Promise.resolve(true);
  }

  async removeMember(channelId: ChannelId, userId: UserId): Promise<boolean> {
    const members = this.#members.get(channelId);
    if (!members?.delete(userId)) return false;
    this.#memberships.get(userId)?.delete(channelId);
    if (members.size === 0 && !this.#channels.get(channelId)?.public) await this.remove(channelId);
    return true;
  }

  append(message: Message): Promise<void> {
    const { channelId, user, createdAt } = message;
    const messages = this.#messages.get(channelId) ?? [];
    messages.push(message);
    if (messages.length > KEPT_MESSAGES) messages.shift();
    this.#messages.set(channelId, messages);
    this.#counts.set(channelId, (this.#counts.get(channelId) ?? 0) + 1);
    this.#mark(user.id, { channelId, at: createdAt });
    return Promise.resolve();
  }

  messages(channelId: ChannelId, limit: number): Promise<Message[]> {
    return Promise.resolve(this.#messages.get(channelId)?.slice(-limit) ?? []);
  }

  markRead(userId: UserId, { channelId, at }: { channelId: ChannelId; at: number }): Promise<number> {
    const last = this.#messages.get(channelId)?.at(-1)?.createdAt ?? 0;
    return Promise.resolve(this.#mark(userId, { channelId, at: Math.max(at, last) }));
  }

  readMarks(userId: UserId, channelIds: readonly ChannelId[]): Promise<ReadMark[]> {
    return Promise.resolve(channelIds.map((channelId) => {
      const { at = null, count = 0 } = this.#marks.get(userId)?.get(channelId) ?? {};
      const unread = Math.min(KEPT_MESSAGES, (this.#counts.get(channelId) ?? 0) - count);
      return { channelId, lastReadAt: at, unread };
    }));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #membershipsOf(userId: UserId): Set<ChannelId> {
    const memberships = this.#memberships.get(userId) ?? new Set();
    this.#memberships.set(userId, memberships);
    return memberships;
  }

  #countMade(userId: UserId, change: 1 | -1): void {
    const count = (this.#made.get(userId) ?? 0) + change;
    if (count > 0) this.#made.set(userId, count);
    else this.#made.delete(userId);
  }

  /** All that is there now has been read. */
  #mark(userId: UserId, { channelId, at: time }: { channelId: ChannelId; at: number }): number {
    const marks = this.#marks.get(userId) ?? new Map<ChannelId, { at: number; count: number }>();
    this.#marks.set(userId, marks);
    const at = Math.max(time, marks.get(channelId)?.at ?? 0);
    marks.set(channelId, { at, count: this.#counts.get(channelId) ?? 0 });
    return at;
  }
}
