/** Channels in memory: what a process without durable storage, and a test, uses. */
import type { ChannelId, UserId } from "../protocol/ids.ts";
import { type Channel, KEPT_MESSAGES, type Message } from "../protocol/resources.ts";
import type { ReadMark } from "./channel.ts";
import type { ChannelStore } from "./store.ts";

/** Makes an empty store. */
export function createMemoryChannelStore(): ChannelStore {
  return new MemoryChannelStore();
}

class MemoryChannelStore implements ChannelStore {
  readonly #channels = new Map<ChannelId, Channel>();
  readonly #memberships = new Map<UserId, Set<ChannelId>>();
  readonly #messages = new Map<ChannelId, Message[]>();
  readonly #marks = new Map<UserId, Map<ChannelId, number>>();

  create(channel: Channel, memberIds: readonly UserId[]): Promise<boolean> {
    if (this.#channels.has(channel.id)) return Promise.resolve(false);
    this.#channels.set(channel.id, channel);
    for (const userId of memberIds) this.#membershipsOf(userId).add(channel.id);
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

  addMember(channelId: ChannelId, userId: UserId): Promise<boolean> {
    const memberships = this.#membershipsOf(userId);
    const isNew = !memberships.has(channelId);
    memberships.add(channelId);
    return Promise.resolve(isNew);
  }

  removeMember(channelId: ChannelId, userId: UserId): Promise<boolean> {
    return Promise.resolve(this.#memberships.get(userId)?.delete(channelId) ?? false);
  }

  append(message: Message): Promise<void> {
    const { channelId, user, createdAt } = message;
    const messages = this.#messages.get(channelId) ?? [];
    messages.push(message);
    if (messages.length > KEPT_MESSAGES) messages.shift();
    this.#messages.set(channelId, messages);
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
      const lastReadAt = this.#marks.get(userId)?.get(channelId) ?? null;
      const messages = this.#messages.get(channelId) ?? [];
      return {
        channelId,
        lastReadAt,
        unread: messages.filter((one) => one.createdAt > (lastReadAt ?? 0)).length,
      };
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

  #mark(userId: UserId, { channelId, at }: { channelId: ChannelId; at: number }): number {
    const marks = this.#marks.get(userId) ?? new Map<ChannelId, number>();
    this.#marks.set(userId, marks);
    const mark = Math.max(at, marks.get(channelId) ?? 0);
    marks.set(channelId, mark);
    return mark;
  }
}
