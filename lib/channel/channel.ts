/** What a channel is besides what the endpoints show of it. */
import type { ChannelId, UserId } from "../protocol/ids.ts";
import type { ChannelView } from "../protocol/resources.ts";

/** The channel that always exists and that everybody is a member of. */
export const GENERAL = "general" as ChannelId;

/** How far a user has read a channel, on any device. */
export type ReadMark = { channelId: ChannelId } & Pick<ChannelView, "lastReadAt" | "unread">;

/** Users became members of a channel or ceased to be; `userIds` is `null` when it is everybody. */
export interface MembershipChange {
  kind: "joined" | "left";
  channelId: ChannelId;
  userIds: UserId[] | null;
}
