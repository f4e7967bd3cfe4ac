/**
 * Channels: what becomes of what people do in them. It answers and keeps, but sends nothing; whoever calls relays what
 * it returns, and moves live sockets when a membership changes.
 */
import { decodeTime, monotonicFactory } from "ulid";
import { Emitter } from "../emitter.ts";
import { ProtocolError } from "../protocol/codes.ts";
import { type ChannelId, channelId, messageId, type UserId } from "../protocol/ids.ts";
import type { Bodies } from "../protocol/payloads.ts";
import { type Channel, type ChannelView, KEPT_MESSAGES, type Message } from "../protocol/resources.ts";
import { GENERAL, type MembershipChange, type ReadMark } from "./channel.ts";
import { type Actor, createChannelRules, type PublicChannels } from "./channel_rules.ts";
import { createMemberships } from "./membership_cache.ts";
import { createPostingLimit } from "./posting_limit.ts";
import type { ChannelStore } from "./store.ts";
import { createTypingGate } from "./typing_limit.ts";

/** A listener to changes of membership; `local` tells whether this node made the change. */
export type MembershipListener = (change: MembershipChange, options: { local: boolean }) => void;

/** Who is meant, and in which channel. */
interface Membership {
  channelId: ChannelId;
  userId: UserId;
}

/** Channels as the rest of the server uses them. Access failures are `access/denied`. */
export interface ChannelService {
  /** The ids of all channels that the user is a member of. */
  channelsOf(userId: UserId): Promise<ChannelId[]>;
  isMember(channelId: ChannelId, userId: UserId): Promise<boolean>;
  /** Those of `others` who share a channel with `viewer`, and so may know of each other. */
  visibleTo(viewer: UserId, others: readonly UserId[]): Promise<readonly UserId[]>;
  /** Whether everybody shares a channel with everybody, because one is public. */
  areAllVisible(): Promise<boolean>;
  /** The user's channels with what is unread, the oldest channel first. */
  overview(userId: UserId): Promise<ChannelView[]>;
  /** Makes a channel; its maker is a member. */
  create(actor: Actor, channel: Bodies["POST /api/channels"]): Promise<Channel>;
  /** Names a channel anew: for its maker and administrators. */
  rename(actor: Actor, channel: { channelId: ChannelId; name: string }): Promise<Channel>;
  /** Removes a channel and all that was said in it: for its maker and administrators. */
  remove(actor: Actor, channelId: ChannelId): Promise<void>;
  /** Adds a member to a channel that is not public: for its maker and administrators. `false`: was one. */
  addMember(actor: Actor, membership: Membership): Promise<boolean>;
  /** Ends a membership: for the channel's maker, administrators, and the member. `false`: was none. */
  removeMember(actor: Actor, membership: Membership): Promise<boolean>;
  /** Stores a message of at most 8,000 characters. */
  post(actor: Actor, message: Pick<Message, "channelId" | "parentId" | "content">): Promise<Message>;
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
  publicChannels?: PublicChannels;
  /** The clock, in epoch milliseconds. */
  now?: () => number;
}

/** Resolves when there is a channel `general`, where there is to be one. */
export async function createChannels(options: ChannelsOptions): Promise<ChannelService> {
  const { store, isLimited = true, publicChannels = "everyone", now = Date.now } = options;
  const memberships = createMemberships(store);
  const rules = createChannelRules({ store, memberships, publicChannels });
  const gate = isLimited ? createTypingGate(now) : undefined;
  const limitPosting = isLimited ? createPostingLimit(now) : undefined;
  const ulid = monotonicFactory();
  const emitter = new Emitter<{ change: Parameters<MembershipListener> }>((error) => {
    throw error;
  });

  function change(what: MembershipChange, { local }: { local: boolean }): void {
    memberships.forget(what);
    emitter.emit("change", what, { local });
  }

  /** The time in an id never goes back, even when the clock does. */
  function newId(): { id: string; createdAt: number } {
    const id = ulid(now());
    return { id, createdAt: decodeTime(id) };
  }

  const service: ChannelService = {
    channelsOf: async (userId) => [...await memberships.of(userId)],
    isMember: memberships.isMember,
    async visibleTo(viewer, others) {
      if (await service.areAllVisible()) return others;
      const own = await memberships.ownIds(viewer);
      const theirs = await Promise.all(others.map(memberships.ownIds));
      return others.filter((_, index) => !own.isDisjointFrom(theirs[index]!));
    },
    areAllVisible: async () => (await memberships.publicIds()).size > 0,
    async overview(userId) {
      const channels = await store.get(await service.channelsOf(userId));
      channels.sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1));
      const marks = await store.readMarks(userId, channels.map(({ id }) => id));
      return channels.map((channel, index) => {
        const { lastReadAt = null, unread = 0 } = marks[index] ?? {};
        return { ...channel, lastReadAt, unread };
      });
    },
    async create(actor, { name, public: open, memberIds }) {
      await rules.maker(actor, { public: open });
      const userIds = open ? null : [...new Set([actor.id, ...memberIds])];
      await Promise.all((userIds ?? []).filter((id) => id !== actor.id).map(rules.place));
      const { id, createdAt } = newId();
      const channel = { id: channelId(id), name, public: open, createdBy: actor.id, createdAt };
      await store.create(channel, userIds ?? []);
      change({ kind: "joined", channelId: channel.id, userIds }, { local: true });
      return channel;
    },
    async rename(actor, { channelId, name }) {
      const channel = await rules.owner(actor, channelId);
      if (!await store.rename(channelId, name)) throw new ProtocolError("access/not-found");
      return { ...channel, name };
    },
    async remove(actor, channelId) {
      const channel = await rules.owner(actor, channelId);
      const members = await store.remove(channelId);
      if (members === undefined) throw new ProtocolError("access/not-found");
      change({ kind: "left", channelId, userIds: channel.public ? null : members }, { local: true });
    },
    async addMember(actor, { channelId, userId }) {
      await rules.manager(actor, channelId);
      if (await memberships.isMember(channelId, userId)) return false;
      await rules.place(userId);
      const added = await store.addMember(channelId, userId);
      if (added) change({ kind: "joined", channelId, userIds: [userId] }, { local: true });
      return added;
    },
    async removeMember(actor, { channelId, userId }) {
      if (actor.id !== userId) await rules.manager(actor, channelId);
      const removed = await store.removeMember(channelId, userId);
      if (removed) change({ kind: "left", channelId, userIds: [userId] }, { local: true });
      return removed;
    },
    async post({ id: userId, name, role }, { channelId, parentId, content }) {
      await rules.member(channelId, userId);
      limitPosting?.(userId, channelId);
      const { id, createdAt } = newId();
      const user = { id: userId, name, role };
      const message = { id: messageId(id), channelId, parentId, user, content, createdAt };
      await store.append(message);
      return message;
    },
    async typing({ id }, { channelId, typing }) {
      await rules.member(channelId, id);
      return gate?.admit(id, channelId, { typing }) ?? true;
    },
    async messages(userId, channelId) {
      await rules.member(channelId, userId);
      return await store.messages(channelId, KEPT_MESSAGES);
    },
    async markRead(userId, channelId) {
      await rules.member(channelId, userId);
      const lastReadAt = await store.markRead(userId, { channelId, at: now() });
      return { channelId, lastReadAt, unread: 0 };
    },
    onMembershipChange: (listener) => emitter.on("change", listener),
    receive: (what) => change(what, { local: false }),
    refresh: (userId) => memberships.forget(userId && { userIds: [userId] }),
    async restore() {
      const general = { id: GENERAL, name: "general", public: true, createdBy: null, createdAt: 0 };
      if (publicChannels === "none") await store.remove(GENERAL);
      else await store.create(general, []);
      service.refresh();
    },
  };
  await service.restore();
  return service;
}
