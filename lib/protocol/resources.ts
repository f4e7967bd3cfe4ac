/** What the HTTP endpoints answer with (contract §6), one schema each: the types of the server come from them, too. */
import * as v from "valibot";
import { type Code, CODES, type WireError } from "./codes.ts";
import type { Presence, User } from "./events.ts";
import { count, id, time } from "./fields.ts";
import type { ChannelId, MessageId, NodeId, SessionId, UserId } from "./ids.ts";

/** How many messages of a channel can be read; older ones are dropped. */
export const KEPT_MESSAGES = 200;

const ERROR = v.object({
  error: v.object({
    code: v.picklist(Object.keys(CODES) as Code[]),
    message: v.string(),
    retryAfterMs: v.optional(v.pipe(count, v.description("Milliseconds before which not to try again."))),
  }) satisfies v.GenericSchema<unknown, WireError>,
});

const USER = v.object({
  id: id<UserId>(),
  name: v.string(),
  email: v.optional(v.string()),
  role: v.string(),
  profile_image_url: v.optional(v.string()),
}) satisfies v.GenericSchema<unknown, User>;

const SIGNED_IN = v.object({ token: v.string(), user: USER, expiresAt: v.nullable(time) });

const SESSION = v.object({
  sid: id<SessionId>(),
  user: USER,
  nodeId: id<NodeId>(),
  connectedAt: time,
  lastSeenAt: time,
  transport: v.picklist(["polling", "websocket"]),
  address: v.string(),
  userAgent: v.string(),
  expiresAt: v.nullable(time),
});

const PRESENCE = v.object({
  id: id<UserId>(),
  name: v.string(),
  status: v.picklist(["online", "away", "offline"]),
  lastActiveAt: v.nullable(time),
}) satisfies v.GenericSchema<unknown, Presence>;

const CHANNEL = v.object({
  id: id<ChannelId>(),
  name: v.string(),
  public: v.pipe(v.boolean(), v.description("Everybody is a member.")),
  createdBy: v.pipe(v.nullable(id<UserId>()), v.description("null for the channel that always exists.")),
  createdAt: time,
});

const CHANNEL_VIEW = v.object({
  ...CHANNEL.entries,
  lastReadAt: v.pipe(v.nullable(time), v.description("null when never.")),
  unread: v.pipe(count, v.maxValue(KEPT_MESSAGES)),
});

const MESSAGE = v.object({
  id: v.pipe(id<MessageId>(), v.description("A ULID: ids sort by time.")),
  channelId: id<ChannelId>(),
  parentId: v.pipe(v.nullable(id<MessageId>()), v.description("The message that this one answers.")),
  user: v.pipe(
    v.object({ id: id<UserId>(), name: v.string(), role: v.string() }),
    v.description("The sender, as of then."),
  ),
  content: v.string(),
  createdAt: time,
});

/** The schemas by the names under which they are described. */
export const RESOURCES = {
  Error: ERROR,
  User: USER,
  SignedIn: SIGNED_IN,
  Session: SESSION,
  Presence: PRESENCE,
  Channel: CHANNEL,
  ChannelView: CHANNEL_VIEW,
  Message: MESSAGE,
};

/** A channel; in a public one everybody is a member. */
export type Channel = v.InferOutput<typeof CHANNEL>;
/** A channel as one of its members sees it. */
export type ChannelView = v.InferOutput<typeof CHANNEL_VIEW>;
/** A stored message. */
export type Message = v.InferOutput<typeof MESSAGE>;
