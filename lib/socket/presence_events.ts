/** `presence:list` and `presence:change`: who is there, who comes and goes, and who hears of it (contract §4, §5). */
import type { ChannelService } from "../channel/service.ts";
import { ProtocolError } from "../protocol/codes.ts";
import type { Presence } from "../protocol/events.ts";
import type { UserId } from "../protocol/ids.ts";
import { presenceChannelRoom, presenceRooms, presenceUserRoom } from "../protocol/rooms.ts";
import { MAX_LISTED } from "../roster/store.ts";
import type { Roster } from "../roster/roster.ts";
import type { EventHandlers, TetherServer } from "./types.ts";

/** The most rooms a session can be in: watching users must not grow without an end. */
const MAX_ROOMS = 5_000;

/** Options of {@linkcode presenceEvents}. */
interface PresenceEventsOptions {
  roster: Roster;
  channels: ChannelService;
}

/** Those of `users` who share a channel with `viewer`. */
export async function visibleTo(
  viewer: UserId,
  { channels, users }: { channels: ChannelService; users: readonly Presence[] },
): Promise<Presence[]> {
  const visible = await Promise.all(users.map(({ id }) => channels.sharesChannel(viewer, id)));
  return users.filter((_, index) => visible[index]);
}

/** Those of all users who were active last. */
export async function everybody(roster: Roster): Promise<Presence[]> {
  return (await roster.recent({ limit: MAX_LISTED })).users;
}

/** Makes the handlers. */
export function presenceEvents({ roster, channels }: PresenceEventsOptions): EventHandlers {
  return {
    async "presence:list"({ socket, identity: { user } }, { userIds }) {
      if (userIds === undefined || userIds === null) {
        socket.join((await channels.channelsOf(user.id)).map(presenceChannelRoom));
      } else {
        const visible = await Promise.all(userIds.map((id) => channels.sharesChannel(user.id, id)));
        const rooms = userIds.filter((_, index) => visible[index]).map(presenceUserRoom);
        const added = rooms.filter((room) => !socket.rooms.has(room));
        if (socket.rooms.size + added.length > MAX_ROOMS) {
          throw new ProtocolError("request/invalid", `A session can watch about ${MAX_ROOMS} users.`);
        }
        socket.join(added);
      }
      const users = await (userIds ? roster.presence(userIds) : everybody(roster));
      return { users: await visibleTo(user.id, { channels, users }) };
    },
  };
}

/** Sends every change to those who watch, in order. Returns how to stop that. */
export function announcePresence(
  { io, roster, channels, onError }: PresenceEventsOptions & {
    io: TetherServer;
    onError: (error: unknown) => void;
  },
): () => void {
  let announced: Promise<void> = Promise.resolve();
  return roster.onChange((changes) => {
    for (const change of changes) {
      const channelIds = channels.channelsOf(change.id);
      announced = announced.then(async () => {
        io.to(presenceRooms(change.id, await channelIds)).emit("presence:change", change);
      }).catch(onError);
    }
  });
}
