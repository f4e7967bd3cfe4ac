/**
 * Channels: who may do what in them, and what becomes of it. It answers and keeps, but sends nothing; whoever calls
 * relays what it returns, and moves live sockets when a membership changes.
 */
import { LRUCache } from "lru-cache";
import { decodeTime, monotonicFactory } from "ulid";
import { Emitter } from "../emitter.ts";
import { ProtocolError } from "../protocol/codes.ts";
import type { User } from "../protocol/events.ts";
import { type ChannelId, channelId, type MessageId, messageId, type UserId } from "../protocol/ids.ts";
import { type Channel, type ChannelView, KEPT_MESSAGES, type Message } from "../protocol/resources.ts";
import { GENERAL, type MembershipChange, type ReadMark } from "./channel.ts";
import { createMemberships, type Memberships } from "./membership_cache.ts";
import type { ChannelStore } from "./store.ts";
import { createTypingGate } from "./typing_limit.ts";

/** The most channels that one user can have made. */
export const MAX_CHANNELS_MADE = 100;
/** The most channels, apart from public ones, that one user can be added to; it keeps nobody from making their own. */
export const MAX_CHANNELS_OF_USER = 1_000;
/** How many messages a user may post in one channel at once, and as many again every three seconds. */
export const MESSAGE_BURST = 15;
const MESSAGE_WINDOW_MS = 3_000;
const MAX_POSTERS = 50_000;
/** The most public channels; everybody is in each of them. */
const MAX_PUBLIC_CHANNELS = 200;

/** Whoever acts: identity comes from the session. */
export type Actor = Pick<User, "id" | "name" | "role">;

/** A listener to changes of membership; `local` tells whether this node made the change. */
export type MembershipListener = (change: MembershipChange, options: { local: boolean }) => void;

/** Channels as the rest of the server uses them. Access failures are `access/denied`. */
export interface ChannelService {
  /** The ids of all channels that the user is a member of. */
  channelsOf(userId: UserId): Promise<ChannelId[]>;
  isMember(channelId: ChannelId, userId: UserId): Promise<boolean>;
  /** Whether two users may know of each other. */
  sharesChannel(one: UserId, other: UserId): Promise<boolean>;
  /** The user's channels with what is unread, the oldest channel first. */
  overview(userId: UserId): Promise<ChannelView[]>;
  /** Makes a channel; its maker is a member. */
  create(actor: Actor, channel: { name: string; public: boolean; memberIds: UserId[] }): Promise<Channel>;
  /** Names a channel anew: for its maker and administrators. */
  rename(actor: Actor, channel: { channelId: ChannelId; name: string }): Promise<Channel>;
  /** Removes a channel and all that was said in it: for its maker and administrators. */
  remove(actor: Actor, channelId: ChannelId): Promise<void>;
  /** Adds a member to a channel that is not public: for its maker and administrators. `false`: was one. */
  addMember(actor: Actor, membership: { channelId: ChannelId; userId: UserId }): Promise<boolean>;
  /** Ends a membership: for the channel's maker, administrators, and the member. `false`: was none. */
  removeMember(actor: Actor, membership: { channelId: ChannelId; userId: UserId }): Promise<boolean>;
  /** Stores a message of at most 8,000 characters. */
  post(
    actor: Actor,
    message: { channelId: ChannelId; parentId: MessageId | null; content: string },
  ): Promise<Message>;
  /** Whether this typing notice is to be relayed to the other members. */
  typing(actor: Actor, notice: { channelId: ChannelId; typing: boolean }): Promise<boolean>;
  /** The last 200 messages, the oldest first. */
  messages(userId: UserId, channelId: ChannelId): Promise<Message[]>;
  /** Marks all messages as read, on all devices. */
  markRead(userId: UserId, channelId: ChannelId): Promise<ReadMark>;
  /** Calls `listener` for every change, whichever node made it; the result ends that. */
  onMembershipChange(listener: MembershipListener): () => void;
  /** Takes in a change that another node made. */
  receive(change: MembershipChange): void;
  /** Reads everything, or what concerns one user, anew: changes of other nodes may have been missed. */
  refresh(userId?: UserId): void;
  /** As {@linkcode refresh}, where the store may have lost what it held: `general` is made again. */
  restore(): Promise<void>;
}

export interface ChannelsOptions {
  store: ChannelStore;
  /** Whether typing is limited to one notice a second, and posting; default true. */
  isLimited?: boolean;
  /** Who may make public channels (`PUBLIC_CHANNELS`); with `none` there is no `general` either. Default `everyone`. */
  publicChannels?: "everyone" | "admin" | "none";
  /** The clock, in epoch milliseconds. */
  now?: () => number;
}

/** Makes the service, and the channel `general` if there is none. */
export async function createChannels(options: ChannelsOptions): Promise<ChannelService> {
  const channels = new Channels(options);
  await channels.restore();
  return channels;
}

class Channels implements ChannelService {
  readonly #store: ChannelStore;
  readonly #memberships: Memberships;
  readonly #emitter = new Emitter<{ change: Parameters<MembershipListener> }>((error) => {
    throw error;
  });
  readonly #now: () => number;
  readonly #ulid = monotonicFactory();
  readonly #gate: ReturnType<typeof createTypingGate> | undefined;
  readonly #publicChannels: "everyone" | "admin" | "none";
  /** The times of what was posted lately, by user and channel. */
  readonly #posting: LRUCache<string, number[]> | undefined;

  constructor({ store, isLimited = true, publicChannels = "everyone", now = Date.now }: ChannelsOptions) {
    this.#store = store;
    this.#memberships = createMemberships(store);
    this.#publicChannels = publicChannels;
    this.#now = now;
    this.#gate = isLimited ? createTypingGate(now) : undefined;
    this.#posting = isLimited ? new LRUCache({ max: MAX_POSTERS }) : undefined;
  }

  async channelsOf(userId: UserId): Promise<ChannelId[]> {
    return [...await this.#memberships.of(userId)];
  }

  isMember(channelId: ChannelId, userId: UserId): Promise<boolean> {
    return this.#memberships.isMember(channelId, userId);
  }

  async sharesChannel(one: UserId, other: UserId): Promise<boolean> {
    // everybody shares a public channel with everybody
    if ((await this.#memberships.publicIds()).size > 0) return true;
    const [ones, others] = await Promise.all([this.#memberships.of(one), this.#memberships.of(other)]);
    return !ones.isDisjointFrom(others);
  }

  async overview(userId: UserId): Promise<ChannelView[]> {
    const channels = await this.#store.get(await this.channelsOf(userId));
    channels.sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1));
    const marks = await this.#store.readMarks(userId, channels.map(({ id }) => id));
    return channels.map((channel, index) => {
      const { lastReadAt = null, unread = 0 } = marks[index] ?? {};
      return { ...channel, lastReadAt, unread };
    });
  }

  async create(
    actor: Actor,
    { name, public: open, memberIds }: { name: string; public: boolean; memberIds: UserId[] },
  ): Promise<Channel> {
    const userIds = open ? [] : [...new Set([actor.id, ...memberIds])];
    if (open) this.#requirePublic(actor);
    if (await this.#store.countMadeBy(actor.id) >= MAX_CHANNELS_MADE) {
      throw new ProtocolError("request/invalid", `A user can have made ${MAX_CHANNELS_MADE} channels.`);
    }
    if (open && (await this.#memberships.publicIds()).size >= MAX_PUBLIC_CHANNELS) {
      throw new ProtocolError("request/invalid", `There can be ${MAX_PUBLIC_CHANNELS} public channels.`);
    }
    await Promise.all(userIds.filter((id) => id !== actor.id).map((userId) => this.#requireRoom(userId)));
    const { id, at } = this.#newId();
    const channel = { id: channelId(id), name, public: open, createdBy: actor.id, createdAt: at };
    await this.#store.create(channel, userIds);
    this.#change({ kind: "joined", channelId: channel.id, userIds: open ? null : userIds }, { local: true });
    return channel;
  }

  async rename(actor: Actor, { channelId, name }: { channelId: ChannelId; name: string }): Promise<Channel> {
    const channel = await this.#requireOwned(actor, channelId);
    if (!await this.#store.rename(channelId, name)) throw new ProtocolError("access/not-found");
    return { ...channel, name };
  }

  async remove(actor: Actor, channelId: ChannelId): Promise<void> {
    const channel = await this.#requireOwned(actor, channelId);
    const members = await this.#store.remove(channelId);
    if (members === undefined) throw new ProtocolError("access/not-found");
    this.#change({ kind: "left", channelId, userIds: channel.public ? null : members }, { local: true });
  }

  async addMember(
    actor: Actor,
    { channelId, userId }: { channelId: ChannelId; userId: UserId },
  ): Promise<boolean> {
    await this.#requireManager(actor, channelId);
    if (await this.isMember(channelId, userId)) return false;
    await this.#requireRoom(userId);
    const added = await this.#store.addMember(channelId, userId);
    if (added) this.#change({ kind: "joined", channelId, userIds: [userId] }, { local: true });
    return added;
  }

  async removeMember(
    actor: Actor,
    { channelId, userId }: { channelId: ChannelId; userId: UserId },
  ): Promise<boolean> {
    if (actor.id !== userId) await this.#requireManager(actor, channelId);
    const removed = await this.#store.removeMember(channelId, userId);
    if (removed) this.#change({ kind: "left", channelId, userIds: [userId] }, { local: true });
    return removed;
  }

  async post(
    { id: userId, name, role }: Actor,
    { channelId, parentId, content }: { channelId: ChannelId; parentId: MessageId | null; content: string },
  ): Promise<Message> {
    await this.#requireMember(channelId, userId);
    this.#requireCalm(userId, channelId);
    const { id, at } = this.#newId();
    const user = { id: userId, name, role };
    const message = { id: messageId(id), channelId, parentId, user, content, createdAt: at };
    await this.#store.append(message);
    return message;
  }

  async typing(
    { id }: Actor,
    { channelId, typing }: { channelId: ChannelId; typing: boolean },
  ): Promise<boolean> {
    await this.#requireMember(channelId, id);
    return this.#gate?.admit(id, channelId, { typing }) ?? true;
  }

  async messages(userId: UserId, channelId: ChannelId): Promise<Message[]> {
    await this.#requireMember(channelId, userId);
    return await this.#store.messages(channelId, KEPT_MESSAGES);
  }

  async markRead(userId: UserId, channelId: ChannelId): Promise<ReadMark> {
    await this.#requireMember(channelId, userId);
    const lastReadAt = await this.#store.markRead(userId, { channelId, at: this.#now() });
    return { channelId, lastReadAt, unread: 0 };
  }

  onMembershipChange(listener: MembershipListener): () => void {
    return this.#emitter.on("change", listener);
  }

  receive(change: MembershipChange): void {
    this.#change(change, { local: false });
  }

  refresh(userId?: UserId): void {
    this.#memberships.forget(userId && { userIds: [userId] });
  }

  async restore(): Promise<void> {
    const general = { id: GENERAL, name: "general", public: true, createdBy: null, createdAt: 0 };
    if (this.#publicChannels === "none") await this.#store.remove(GENERAL);
    else await this.#store.create(general, []);
    this.refresh();
  }

  #change(change: MembershipChange, options: { local: boolean }): void {
    this.#memberships.forget(change);
    this.#emitter.emit("change", change, options);
  }

  /** The time in an id never goes back, even when the clock does. */
  #newId(): { id: string; at: number } {
    const id = this.#ulid(this.#now());
    return { id, at: decodeTime(id) };
  }

  /** The same answer for a channel that is not there, so that nobody learns which are. */
  async #requireMember(channelId: ChannelId, userId: UserId): Promise<void> {
    if (!await this.isMember(channelId, userId)) throw notAMember();
  }

  async #requireManager(actor: Actor, channelId: ChannelId): Promise<void> {
    const channel = await this.#known(actor, channelId);
    if (channel.public) {
      throw new ProtocolError("request/invalid", "Everybody is a member of a public channel.");
    }
    requireMaker(actor, channel);
  }

  async #requireOwned(actor: Actor, channelId: ChannelId): Promise<Channel> {
    const channel = await this.#known(actor, channelId);
    requireMaker(actor, channel);
    if (channel.createdBy === null) {
      throw new ProtocolError("access/denied", "This channel is the server's own.");
    }
    return channel;
  }

  async #known(actor: Actor, channelId: ChannelId): Promise<Channel> {
    if (actor.role !== "admin") await this.#requireMember(channelId, actor.id);
    const [channel] = await this.#store.get([channelId]);
    if (channel === undefined) throw new ProtocolError("access/not-found");
    return channel;
  }

  #requirePublic(actor: Actor): void {
    if (this.#publicChannels === "everyone") return;
    if (this.#publicChannels === "admin" && actor.role === "admin") return;
    throw new ProtocolError("access/denied", "You may not make public channels here.");
  }

  /** So many messages in any three seconds. */
  #requireCalm(userId: UserId, channelId: ChannelId): void {
    if (this.#posting === undefined) return;
    const key = `${channelId}\0${userId}`; // ids hold no control characters
    const at = this.#now();
    const times = (this.#posting.get(key) ?? []).filter((time) => time > at - MESSAGE_WINDOW_MS);
    if (times.length >= MESSAGE_BURST) {
      const retryAfterMs = times[0]! + MESSAGE_WINDOW_MS - at;
      throw new ProtocolError("request/rate-limited", "Too many messages in this channel.", { retryAfterMs });
    }
    this.#posting.set(key, [...times, at]);
  }

  async #requireRoom(userId: UserId): Promise<void> {
    if ((await this.#memberships.ownIds(userId)).size < MAX_CHANNELS_OF_USER) return;
    throw new ProtocolError("request/invalid", `A user can be in ${MAX_CHANNELS_OF_USER} channels.`);
  }
}

function requireMaker(actor: Actor, { createdBy }: Channel): void {
  if (actor.role === "admin" || createdBy === actor.id) return;
  throw new ProtocolError("access/denied", "Only its maker may change this channel.");
}

function notAMember(): ProtocolError {
  return new ProtocolError("access/denied", "You are not a member of this channel.");
}
