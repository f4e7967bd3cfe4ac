/** The events of the contract (§1, §3–§5) as types that both sides of the wire share. */
import type { Action, Code } from "./codes.ts";
import type { ChannelId, MessageId, NodeId, SessionId, UserId } from "./ids.ts";

/** The version of the contract that `session:ready` announces. */
export const PROTOCOL_VERSION = 1;
/** Where Socket.IO is mounted. */
export const SOCKET_PATH = "/ws/socket.io/";

/** A user as others may see them: exactly the fields that are kept of a token. */
export interface User {
  /** The token's `sub` or `id`. */
  id: UserId;
  /** The name to show. */
  name: string;
  /** As the token has it; nobody checked that it is theirs. */
  email?: string;
  /** `user`, `admin`, or what the issuer calls it. */
  role: string;
  /** Where a picture is. */
  profile_image_url?: string;
}

/** `session:ready`: the first event of every session. Times are epoch milliseconds. */
export interface SessionReady {
  /** The session's id. */
  sid: SessionId;
  /** Who the server takes the client for. */
  user: User;
  /** When the token runs out; `null` for a token without `exp`. */
  expiresAt: number | null;
  /** How often the server wants a heartbeat, in milliseconds. */
  heartbeatIntervalMs: number;
  /** Whether missed events were delivered after a drop. */
  recovered: boolean;
  /** The server's clock. */
  serverTime: number;
  /** The server process that holds the session. */
  nodeId: NodeId;
  /** The version of the contract. */
  protocol: typeof PROTOCOL_VERSION;
  /** Present while the node is deaf to the fleet: events of other nodes may be missing. */
  degraded?: boolean;
}

/** `session:end`: the server is about to disconnect this session, and why. */
export interface SessionEnd {
  /** Why. */
  code: Code;
  /** What to do next. */
  action: Action;
  /** A sentence for logs. */
  message: string;
  /** Milliseconds before which the server wants no attempt. */
  retryAfterMs?: number;
}

/** The `data` of a CONNECT_ERROR. */
export interface Refusal {
  /** Why. */
  code: Code;
  /** What to do next. */
  action: Action;
  /** Milliseconds before which the server wants no attempt. */
  retryAfterMs?: number;
}

/** `online`: an active session; `away`: sessions, none active; `offline`: no session. */
export type PresenceStatus = "online" | "away" | "offline";

/** A user's presence. */
export interface Presence {
  /** Whose. */
  id: UserId;
  /** The name to show. */
  name: string;
  /** How they are now. */
  status: PresenceStatus;
  /** Epoch milliseconds; `null` when never seen. */
  lastActiveAt: number | null;
}

/**
 * `events:channel` as the members of a channel get it. `data.type` is `typing`, `message` or `last_read_at`, and for
 * the member concerned `channel:joined` or `channel:left`.
 */
export interface ChannelEvent {
  /** Where it happened. */
  channel_id: ChannelId;
  /** The message that it is about. */
  message_id: MessageId | null;
  /** What happened. */
  data: { type: string; data?: unknown };
  /** Who did it; `null` when the server tells a member of a change of membership. */
  user: { id: UserId; name: string; role: string } | null;
}

/** `events`: an update of a chat. */
export interface ChatEvent {
  /** The chat that it is about. */
  chat_id: string | null;
  /** The message that it is about. */
  message_id: string | null;
  /** What happened. */
  data: { type: string; data?: unknown };
}

/** `error`: what an event without an acknowledgement failed with. */
export interface EventError {
  /** Which event it was. */
  event: string;
  /** Why it failed. */
  code: Code;
  /** A sentence for logs. */
  message: string;
}

/** The client's events: the payload and the fields that a good acknowledgement adds to `ok`. */
export interface Requests {
  /** Joins the rooms of the user and of all their channels. */
  "user-join": { payload: { auth: { token: string } }; answer: { id: UserId; name: string } };
  /** The session is alive, and its user there or not; answers with the server's clock, epoch milliseconds. */
  "heartbeat": { payload: { active?: boolean }; answer: { serverTime: number } };
  /** Extends the session with a newer token of the same user. */
  "auth:refresh": { payload: { token: string }; answer: { expiresAt: number | null } };
  /** Has the server read anew which channels the user is in. */
  "join-channels": { payload: Record<string, unknown>; answer: { channelIds: ChannelId[] } };
  /** Something happens in a channel: a `message` (answered with its id), `typing`, or `last_read_at`. */
  "events:channel": {
    payload: {
      channel_id: string;
      message_id?: string | null;
      data:
        | { type: "message"; data: { content: string } }
        | { type: "typing"; data?: { typing?: boolean } }
        | { type: "last_read_at" };
    };
    answer: { id?: MessageId; createdAt?: number };
  };
  /** The session uses a model for the next three seconds. */
  "usage": { payload: { model: string; action?: string; chat_id?: string }; answer: unknown };
  /**
   * How users are, of those whom one may see; changes of those in the answer follow as `presence:changes`. Without ids
   * a page of at most `limit` users (default 100, at most 500), the lately active first; `next`, `null` on the last one,
   * is what to ask for the next page `after`. The first page has `limit` places: who goes offline leaves, and changes
   * tell of whoever comes while one is free. A session can watch 5,000 users.
   */
  "presence:list": {
    payload: { userIds?: string[]; limit?: number; after?: string };
    answer: { users: Presence[]; total?: number; next?: string | null };
  };
}

/** The server's events and their payloads. */
export interface ServerEvents {
  /** A session is open. */
  "session:ready": SessionReady;
  /** The session's token runs out soon, at this time in epoch milliseconds. */
  "session:expiring": { expiresAt: number };
  /** The node no longer hears the fleet, or hears it again; then what was missed is to be read anew. */
  "session:degraded": { degraded: boolean };
  /** The server ends the session. */
  "session:end": SessionEnd;
  /** What changed since this watcher was last told, at most ten times a second; to clients that say `protocol: 1`. */
  "presence:changes": { users: Presence[] };
  /** The same for one user, to all other clients. */
  "presence:change": Presence;
  /** A chat was updated. */
  "events": ChatEvent;
  /** Something happened in a channel. */
  "events:channel": ChannelEvent;
  /** The models in use, whenever they change. */
  "usage": { models: string[] };
  /** An event without an acknowledgement failed. */
  "error": EventError;
}
