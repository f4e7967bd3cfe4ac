/** Keeps sockets in the rooms of their users' channels, also when a membership changes under them. */
import type { MembershipChange } from "../channel/channel.ts";
import type { ChannelService } from "../channel/service.ts";
import { type ChannelId, channelId, type UserId, userId } from "../protocol/ids.ts";
import { channelRoom, userRoom } from "../protocol/rooms.ts";
import type { NodeBus } from "../eventlog/node_bus.ts";
import type { LiveSession, TetherServer, TetherSocket } from "./types.ts";

const TOPIC = "membership";
const JOIN_BATCH = 100;

/** What is needed of a session to put it into rooms. */
type Joining = Pick<LiveSession, "socket" | "identity">;

/** Options of {@linkcode createMembership}. */
interface MembershipOptions {
  io: TetherServer;
  channels: ChannelService;
  bus: NodeBus;
  /** Told of users, or all, who have left a channel. */
  onLeft: (userIds: readonly UserId[] | null) => void;
}

/** The rooms of this node's sockets. */
export interface Membership {
  /** Puts the session into the rooms of all its user's channels and out of all others; answers the channels. */
  joinChannels(session: Joining): Promise<ChannelId[]>;
  /** Does that for many sessions, a few at a time: changes may have been missed. */
  joinAgain(sessions: Iterable<LiveSession>): Promise<void>;
  /** Ends the listening. */
  close(): void;
}

/** Starts to follow the changes of membership, of this node and of the others. */
export function createMembership({ io, channels, bus, onLeft }: MembershipOptions): Membership {
  let changes = 0;
  let told: Promise<unknown> = Promise.resolve();
  bus.on(TOPIC, (message) => {
    const change = parseChange(message);
    if (change !== undefined) channels.receive(change);
  });
  const off = channels.onMembershipChange((change, { local }) => {
    move(change);
    if (local) bus.publish(TOPIC, change);
  });

  function move({ kind, channelId, userIds }: MembershipChange): void {
    changes++;
    const { adapter, sockets } = io.of("/");
    const sids = userIds?.flatMap((id) => [...adapter.rooms.get(userRoom(id)) ?? []]) ?? sockets.keys();
    const joining: unknown[] = [];
    for (const sid of sids) {
      if (kind === "joined") joining.push(sockets.get(sid)?.join(channelRoom(channelId)));
      else sockets.get(sid)?.leave(channelRoom(channelId));
    }
    if (kind === "left") onLeft(userIds);
    // to the people concerned only, on each of their devices; every node tells its own, when it gets what others send
    told = Promise.all([told, ...joining]).then(() => {
      const concerned = userIds === null ? io.local : io.local.in(userIds.map(userRoom));
      concerned.emit("events:channel", {
        channel_id: channelId,
        message_id: null,
        data: { type: kind === "joined" ? "channel:joined" : "channel:left" },
        user: null,
      });
    });
  }

  return {
    joinChannels,
    async joinAgain(sessions) {
      const waiting = [...sessions];
      while (waiting.length > 0) await Promise.all(waiting.splice(-JOIN_BATCH).map(joinChannels));
    },
    close: off,
  };

  async function joinChannels({ socket, identity }: Joining): Promise<ChannelId[]> {
    let channelIds: ChannelId[], seen: number;
    do {
      seen = changes;
      channelIds = await channels.channelsOf(identity.user.id);
      // what changed while it was read has moved the socket already, and must not be undone
    } while (seen !== changes);
    // rooms of a socket that has left would stay for ever
    if (socket.conn.readyState !== "open") return channelIds;
    const rooms = new Set(channelIds.map(channelRoom));
    const stale = staleRooms(socket, rooms);
    for (const room of stale) socket.leave(room);
    if (stale.length > 0) onLeft([identity.user.id]);
    await socket.join([...rooms]);
    return channelIds;
  }
}

function staleRooms(socket: TetherSocket, current: ReadonlySet<string>): string[] {
  const prefix = channelRoom("" as ChannelId);
  return [...socket.rooms].filter((room) => room.startsWith(prefix) && !current.has(room));
}

function parseChange(message: unknown): MembershipChange | undefined {
  try {
    const { kind, channelId: channel, userIds } = message as Record<string, unknown>;
    if (kind !== "joined" && kind !== "left") return undefined;
    return {
      kind,
      channelId: channelId(channel),
      userIds: userIds === null ? null : (userIds as unknown[]).map(userId),
    };
  } catch {
    // another version's message: what it meant is read again with the next join
    return undefined;
  }
}
