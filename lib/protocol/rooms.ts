/** The names of Socket.IO rooms (contract §5), spelled in this one place. */
import type { ChannelId, UserId } from "./ids.ts";

/** All sessions of a user. */
export function userRoom(id: UserId): string {
  return `user:${id}`;
}

/** All sessions of a channel's members. */
export function channelRoom(id: ChannelId): string {
  return `channel:${id}`;
}

/** All sessions that watch presence; what they are told does not go by it. */
export const WATCHERS_ROOM = "watching:presence";
