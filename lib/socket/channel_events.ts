/** `events:channel` and `join-channels`: what members tell each other, and who hears it (contract §4, §5). */
import type { ChannelService } from "../channel/service.ts";
import type { ChannelEvent } from "../protocol/events.ts";
import type { ChannelId } from "../protocol/ids.ts";
import { channelRoom, userRoom } from "../protocol/rooms.ts";
import type { EventHandlers, LiveSession, TetherServer } from "./types.ts";

interface ChannelEventsOptions {
  io: TetherServer;
  channels: ChannelService;
  /** Puts the session into the rooms of all its user's channels, and answers them. */
  joinChannels: (session: LiveSession) => Promise<ChannelId[]>;
}

export function channelEvents({ io, channels, joinChannels }: ChannelEventsOptions): EventHandlers {
  return {
    async "join-channels"(session) {
      return { channelIds: await joinChannels(session) };
    },
    async "events:channel"(session, { channel_id, message_id, data }) {
      const { socket, identity: { user: { id, name, role } } } = session;
      const user = { id, name, role };
      const event: ChannelEvent = { channel_id, message_id, data, user };
      switch (data.type) {
        case "typing": {
          const notice = { channelId: channel_id, typing: data.data?.typing ?? true };
          // the first to go when a connection is slow: the next notice says the same
          if (await channels.typing(user, notice)) {
            const others = io.to(channelRoom(channel_id)).except(userRoom(id));
            others.volatile.emit("events:channel", event);
          }
          return {};
        }
        case "message": {
          const { content } = data.data;
          const message = await channels.post(user, { channelId: channel_id, parentId: message_id, content });
          const { id: messageId, createdAt, parentId } = message;
          event.message_id = messageId;
          event.data = { type: "message", data: { id: messageId, content, createdAt, parentId } };
          io.to(channelRoom(channel_id)).emit("events:channel", event);
          return { id: messageId, createdAt };
        }
        case "last_read_at": {
          const { lastReadAt } = await channels.markRead(id, channel_id);
          // the user's other devices count the same as unread
          event.data = { type: "last_read_at", data: { last_read_at: lastReadAt } };
          socket.to(userRoom(id)).emit("events:channel", event);
          return { lastReadAt };
        }
      }
    },
  };
}
