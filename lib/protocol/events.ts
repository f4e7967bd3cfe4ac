/** The events of the contract (§1, §3–§5) as types that both sides of the wire share. */
import type { Action, Code, WireError } from "./codes.ts";
import type { ChannelId, MessageId, NodeId, SessionId, UserId } from "./ids.ts";

/** The version of the contract that `session:ready` announces. */
export const PROTOCOL_VERSION = 1;
/** Where Socket.IO is mounted. */
export const SOCKET_PATH = "/ws/socket.io/";

/** A user as others may see them: exactly the fields that are kept of a token. */
export interface User {
  id: UserId;
  name: string;
  email?: string;
  role: string;
  profile_image_url?: string;
}

/** `session:ready`: the first event of every session. Times are epoch milliseconds. */
export interface SessionReady {
  sid: SessionId;
  user: User;
  /** When the token runs out; `null` for a token without `exp`. */
  expiresAt: number | null;
  heartbeatIntervalMs: number;
  /** Whether missed events were delivered after a drop. */
  recovered: boolean;
  serverTime: number;
  nodeId: NodeId;
  protocol: typeof PROTOCOL_VERSION;
  /** Present while the node is deaf to the fleet: events of other nodes may be missing. */
  degraded?: boolean;
}

/** `session:end`: the server is about to disconnect this session, and why. */
export interface SessionEnd {
  code: Code;
  action: Action;
  message: string;
  retryAfterMs?: number;
}

/** The `data` of a CONNECT_ERROR. */
export interface Refusal {
  code: Code;
  action: Action;
  retryAfterMs?: number;
}

/** `online`: an active session; `away`: sessions, none active; `offline`: no session. */
export type PresenceStatus = "online" | "away" | "offline";

/** A user's presence; `lastActiveAt` in epoch milliseconds, `null` when never seen. */
export interface Presence {
  id: UserId;
  name: string;
  status: PresenceStatus;
  lastActiveAt: number | null;
}

/**
 * `events:channel` as the members of a channel get it. `data.type` is `typing`, `message` or `last_read_at`, and for
 * the member concerned `channel:joined` or `channel:left`.
 */
export interface ChannelEvent {
  channel_id: ChannelId;
  message_id: MessageId | null;
  data: { type: string; data?: unknown };
  /** Who did it; `null` when the server tells a member of a change of membership. */
  user: { id: UserId; name: string; role: string } | null;
}

/** `events`: an update of a chat. */
export interface ChatEvent {
  chat_id: string | null;
  message_id: string | null;
  data: { type: string; data?: unknown };
}

/** The answer to a client event (§3). */
export type Ack<Fields = unknown> = ({ ok: true } & Fields) | { ok: false; error: WireError };

/** `error`: what an event without an acknowledgement failed with. */
export interface EventError {
  event: string;
  code: Code;
  message: string;
}

/** The client's events: the payload and the fields that a good acknowledgement adds to `ok`. */
export interface Requests {
  "user-join": { payload: { auth: { token: string } }; answer: { id: UserId; name: string } };
  "heartbeat": { payload: { active?: boolean }; answer: { serverTime: number } };
  "auth:refresh": { payload: { token: string }; answer: { expiresAt: number | null } };
  "join-channels": { payload: Record<string, unknown>; answer: { channelIds: ChannelId[] } };
  "events:channel": {
    payload: { channel_id: string; message_id?: string | null; data: { type: string; data?: unknown } };
    answer: { id?: MessageId; createdAt?: number };
  };
  "usage": { payload: { model: string; action?: string; chat_id?: string }; answer: unknown };
  "presence:list": { payload: { userIds?: string[] }; answer: { users: Presence[] } };
}

/** The server's events and their payloads. */
export interface ServerEvents {
  "session:ready": SessionReady;
  "session:expiring": { expiresAt: number };
  /** The node no longer hears the fleet, or hears it again; then what was missed is to be read anew. */
  "session:degraded": { degraded: boolean };
  "session:end": SessionEnd;
  "presence:change": Presence;
  "events": ChatEvent;
  "events:channel": ChannelEvent;
  "usage": { models: string[] };
  "error": EventError;
}
