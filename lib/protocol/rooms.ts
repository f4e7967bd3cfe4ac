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

/** Sessions that watch the presence of everybody in a channel. */
export function presenceChannelRoom(id: ChannelId): string {
  return `presence:channel:${id}`;
}

/** Sessions that watch the presence of one user. */
export function presenceUserRoom(id: UserId): string {
  return `presence:user:${id}`;
}

/**
 * The rooms that hear a user's `presence:change`: one broadcast to all of them reaches every watcher once. A watcher
 * of everybody is in one room per channel of its own, a watcher of some is in one room per user watched, so that no
 * structure grows with watchers times users.
 */
export function presenceRooms(id: UserId, channelIds: readonly ChannelId[]): string[] {
  return [presenceUserRoom(id), ...channelIds.map(presenceChannelRoom)];
}
