/** What channels need of a store; who may do what is not its concern. */
import type { ChannelId, UserId } from "../protocol/ids.ts";
import type { Channel, Message } from "../protocol/resources.ts";
import type { ReadMark } from "./channel.ts";

/** Channels, who is in them, what was said and what was read; durable. */
export interface ChannelStore {
  /** Adds a channel and its members; `false` when there is one of this id, which stays as it is. */
  create(channel: Channel, memberIds: readonly UserId[]): Promise<boolean>;
  /** The channels of these ids that exist, in any order. */
  get(channelIds: readonly ChannelId[]): Promise<Channel[]>;
  publicIds(): Promise<ChannelId[]>;
  /** The channels that the user was made a member of, which are not public. */
  memberships(userId: UserId): Promise<ChannelId[]>;
  /** How many channels the user has made that are still there. */
  countMadeBy(userId: UserId): Promise<number>;
  /** Names a channel anew; `false` when there is none. */
  rename(channelId: ChannelId, name: string): Promise<boolean>;
  /** Drops a channel and all that is in it. The members it had, `undefined` when there was none. */
  remove(channelId: ChannelId): Promise<UserId[] | undefined>;
  /** Makes a user a member; `false` when it was one, or there is no such channel. */
  addMember(channelId: ChannelId, userId: UserId): Promise<boolean>;
  /** Ends a membership; `false` when there was none. A channel that is empty then goes. */
  removeMember(channelId: ChannelId, userId: UserId): Promise<boolean>;
  /** Keeps a message, which its sender has thereby read, and drops those beyond the last 200. */
  append(message: Message): Promise<void>;
  /** The last messages, the oldest first. */
  messages(channelId: ChannelId, limit: number): Promise<Message[]>;
  /** Marks what is there as read: until `at`, or until the last message when that is later. Returns the mark. */
  markRead(userId: UserId, mark: { channelId: ChannelId; at: number }): Promise<number>;
  /** The user's marks in these channels, in their order. */
  readMarks(userId: UserId, channelIds: readonly ChannelId[]): Promise<ReadMark[]>;
}
