/**
 * What clients and back ends may send (contract §4, §6), one schema each: `unknown` goes in, a typed and bounded
 * value comes out, or `request/invalid` with a sentence that names the field. Fields of no schema are dropped.
 * Nothing here knows who sends.
 */
import * as v from "valibot";
import { ProtocolError } from "./codes.ts";
import { CONTROL_IN_PROSE, fields, flag, id, ids, integer, isRecord, json, text } from "./fields.ts";
import type { ChannelId, MessageId, NoteId, SessionId, UserId } from "./ids.ts";

const MAX_MESSAGE_LENGTH = 8_000;
const MAX_NAME_LENGTH = 100;
/** The most members that a channel is made with. */
const MAX_FIRST_MEMBERS = 100;
const MAX_TOKEN_LENGTH = 16_384;
const MAX_CALL_TIMEOUT_MS = 600_000;
/** The most users of one page of presence. */
export const MAX_PRESENCE_LIMIT = 500;
const DEFAULT_PRESENCE_LIMIT = 100;
/** The longest name of something that is another system's, such as a chat or a model. */
const MAX_REFERENCE_LENGTH = 200;

/** A place in the list of users by last activity, as a page's `next` names it: `{epoch ms}:{user id}`. */
const place = v.pipe(
  v.string('must be the "next" of the page before'),
  v.regex(/^\d{1,15}:./su, 'must be the "next" of the page before'),
  v.transform((text) => ({ at: parseInt(text), id: text.slice(text.indexOf(":") + 1) })),
  v.object({ at: v.number(), id: id<UserId>() }),
  v.description("The `next` of the page before."),
);
const name = v.pipe(text(MAX_NAME_LENGTH), v.trim());
const reference = v.nullish(text(MAX_REFERENCE_LENGTH), null);
const token = text(MAX_TOKEN_LENGTH);
const chatEvent = {
  chat_id: reference,
  message_id: reference,
  data: v.pipe(
    fields({ type: text(MAX_REFERENCE_LENGTH), data: v.optional(json) }),
    v.description("Reaches the page as it is."),
  ),
};
const typing = v.pipe(
  v.custom<Record<string, unknown>>(isRecord, "must be an object"),
  fields({ typing: v.optional(flag, true) }),
);
const channelData = v.variant("type", [
  fields({ type: v.literal("typing"), data: v.nullish(typing, { typing: true }) }),
  fields({
    type: v.literal("message"),
    data: fields({ content: text(MAX_MESSAGE_LENGTH, CONTROL_IN_PROSE) }),
  }),
  fields({ type: v.literal("last_read_at") }),
], (issue) => issue.path ? 'must be "typing", "message" or "last_read_at"' : "must be an object");

/** The client events of contract §4, each with its schema. */
const EVENTS = {
  "user-join": fields({ auth: fields({ token }) }),
  "heartbeat": fields({ active: v.nullish(flag, true) }),
  "auth:refresh": fields({ token }),
  "join-channels": fields({}),
  "join-note": fields({ note_id: id<NoteId>() }),
  "events:channel": fields({
    channel_id: id<ChannelId>(),
    message_id: v.nullish(id<MessageId>(), null),
    data: channelData,
  }),
  "usage": fields({ model: text(MAX_REFERENCE_LENGTH), action: reference, chat_id: reference }),
  "presence:list": fields({
    userIds: v.optional(ids<UserId>()),
    limit: v.optional(integer(1, MAX_PRESENCE_LIMIT), DEFAULT_PRESENCE_LIMIT),
    after: v.optional(place),
  }),
};

const recipients = v.pipe(
  fields({
    userIds: v.optional(ids<UserId>({ min: 1 })),
    channelId: v.optional(id<ChannelId>()),
    sessionId: v.optional(id<SessionId>()),
  }),
  v.check(
    (to) => Object.values(to).filter((target) => target !== undefined).length === 1,
    'must have one of "userIds", "channelId" and "sessionId"',
  ),
  v.metadata({ description: "Exactly one of the three.", minProperties: 1, maxProperties: 1 }),
);

/** The bodies of contract §6, each with its schema. */
export const BODIES = {
  "POST /api/auth/sign-in": fields({
    // the sign-in cleans it, and then allows 64 characters
    name: v.pipe(text(1000, CONTROL_IN_PROSE), v.metadata({ maxLength: 64 })),
  }),
  "POST /api/events": fields({ to: recipients, ...chatEvent }),
  "POST /api/calls": fields({
    sessionId: id<SessionId>(),
    ...chatEvent,
    timeoutMs: v.optional(
      v.pipe(
        integer(1, MAX_CALL_TIMEOUT_MS),
        v.description("Milliseconds. Default: WEBSOCKET_EVENT_CALLER_TIMEOUT."),
      ),
    ),
  }),
  "PATCH /api/channels/{id}": fields({ name }),
  "POST /api/channels": fields({
    name,
    public: v.optional(flag, false),
    memberIds: v.optional(ids<UserId>({ max: MAX_FIRST_MEMBERS }), []),
  }),
};

function queryInteger(max: number): v.GenericSchema<unknown, number> {
  return v.pipe(v.unknown(), v.transform(Number), integer(1, max));
}

/** The queries of contract §6, each with its schema. */
export const QUERIES = {
  "GET /api/presence": fields({
    userIds: v.optional(v.pipe(
      v.string(),
      v.description("Ids with commas between them; then there are no pages."),
      v.transform((text) => text.split(",")),
      ids<UserId>(),
    )),
    limit: v.optional(queryInteger(MAX_PRESENCE_LIMIT), DEFAULT_PRESENCE_LIMIT),
    after: v.optional(place),
  }),
  "GET /api/sessions": fields({
    limit: v.optional(queryInteger(1000), 100),
    after: v.optional(v.pipe(id<SessionId>(), v.description("The `next` of the page before."))),
  }),
};

/** What every client event carries once it is parsed. */
export type Payloads = { [Event in keyof typeof EVENTS]: v.InferOutput<typeof EVENTS[Event]> };
/** What every HTTP body carries once it is parsed. */
export type Bodies = { [Route in keyof typeof BODIES]: v.InferOutput<typeof BODIES[Route]> };

/** Whether a client event of this name has a schema here. */
export function isParsedEvent(event: string): event is keyof Payloads {
  return Object.hasOwn(EVENTS, event);
}

/**
 * The payload of a client event, without the fields that the contract does not name. Nothing (`undefined`, `null`)
 * counts as `{}`. Throws `request/invalid`, or `request/unknown-event` for an event without a schema.
 */
export function parsePayload<Event extends keyof Payloads>(event: Event, payload: unknown): Payloads[Event] {
  if (!isParsedEvent(event)) throw new ProtocolError("request/unknown-event");
  return parse(EVENTS[event], payload ?? {}) as Payloads[Event];
}

/** The query of an HTTP request; throws `request/invalid`. */
export function parseQuery<Route extends keyof typeof QUERIES>(
  route: Route,
  query: URLSearchParams,
): v.InferOutput<typeof QUERIES[Route]> {
  return parse(QUERIES[route], Object.fromEntries(query)) as v.InferOutput<typeof QUERIES[Route]>;
}

/** The JSON body of an HTTP request; throws `request/invalid`. */
export function parseBody<Route extends keyof Bodies>(route: Route, body: unknown): Bodies[Route] {
  return parse(BODIES[route], body) as Bodies[Route];
}

// the first fault is enough: what comes after it would only cost time
const FIRST_FAULT = { abortEarly: true, abortPipeEarly: true };

function parse(schema: v.GenericSchema, input: unknown): unknown {
  if (!isRecord(input)) throw new ProtocolError("request/invalid", "The request must be an object.");
  const result = v.safeParse(schema, input, FIRST_FAULT);
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw new ProtocolError("request/invalid", `The field "${v.getDotPath(issue)}" ${issue.message}.`);
}
