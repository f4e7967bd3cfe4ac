/** What a channel, a message and a change of membership are. */
import type { ChannelId, MessageId, UserId } from "../protocol/ids.ts";

/** The channel that always exists and that everybody is a member of. */
export const GENERAL = "general" as ChannelId;
/** How many messages of a channel can be read; older ones are dropped. */
export const KEPT_MESSAGES = 200;

/** A channel; in a public one everybody is a member. */
export interface Channel {
  id: ChannelId;
  name: string;
  public: boolean;
  /** Who made it, `null` for {@linkcode GENERAL}. */
  createdBy: UserId | null;
  /** Epoch milliseconds. */
  createdAt: number;
}

/** A stored message. */
export interface Message {
  /** A ULID of `createdAt`. */
  id: MessageId;
  channelId: ChannelId;
  /** The message that this one answers. */
  parentId: MessageId | null;
  /** The sender, as of then. */
  user: { id: UserId; name: string; role: string };
  content: string;
  /** Epoch milliseconds. */
  createdAt: number;
}

/** How far a user has read a channel, on any device. */
export interface ReadMark {
  channelId: ChannelId;
  /** Epoch milliseconds, `null` when never. */
  lastReadAt: number | null;
  /** Messages since then, at most {@linkcode KEPT_MESSAGES}. */
  unread: number;
}

/** Users became members of a channel or ceased to be; `userIds` is `null` when it is everybody. */
export interface MembershipChange {
  kind: "joined" | "left";
  channelId: ChannelId;
  userIds: UserId[] | null;
}
