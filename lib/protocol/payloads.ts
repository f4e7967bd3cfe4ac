/**
 * What clients and back ends may send (contract §4, §6), one schema each: `unknown` goes in, a typed and bounded
 * value comes out, or `request/invalid` with a sentence that names the field. Fields of no schema are dropped.
 * The document events (`ydoc:*`) have parsers of their own; nothing here knows who sends.
 */
import * as v from "valibot";
import { ProtocolError } from "./codes.ts";
import { channelId, messageId, noteId, sessionId, userId } from "./ids.ts";

/** The longest text of a message, in UTF-16 code units. */
const MAX_MESSAGE_LENGTH = 8_000;
/** The most ids in one list of ids. */
export const MAX_IDS = 1_000;
/** The deepest nesting of free-form `data`; the value itself is level 1. */
const MAX_DEPTH = 16;

/** The longest name of a channel or a note, in UTF-16 code units. */
export const MAX_NAME_LENGTH = 100;
/** The longest name of something that is another system's, such as a chat or a model. */
export const MAX_REFERENCE_LENGTH = 200;
/** The longest that a call may wait. */
export const MAX_CALL_TIMEOUT_MS = 600_000;

const MAX_TOKEN_LENGTH = 16_384;
const CONTROL = /\p{Cc}/u;
// not tab, line feed, carriage return
// deno-lint-ignore no-control-regex -- they are what is looked for
const CONTROL_IN_PROSE = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/;
// names that a careless merge downstream would write into a prototype
const PROTOTYPE_KEYS = new Set(["__proto__", "constructor", "prototype"]);

function isRecord(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Why `value` is not plain JSON of at most `levels` levels; `undefined` when it is. */
export function jsonFault(value: unknown, levels: number = MAX_DEPTH): string | undefined {
  if (value === null || typeof value === "boolean") return undefined;
  if (typeof value === "string") return value.isWellFormed() ? undefined : "has text with half a character";
  if (typeof value === "number") {
    return Number.isFinite(value) ? undefined : "has a number that is not finite";
  }
  if (levels === 0) return `is nested deeper than ${MAX_DEPTH} levels`;
  if (Array.isArray(value)) return firstFault(value, levels - 1);
  if (!isRecord(value)) return "has something that is not plain JSON";
  const keys = Object.keys(value);
  if (keys.some((key) => PROTOTYPE_KEYS.has(key))) return "uses a reserved name";
  return keys.every((key) => key.isWellFormed())
    ? firstFault(Object.values(value), levels - 1)
    : "has text with half a character";
}

function firstFault(values: unknown[], levels: number): string | undefined {
  for (const value of values) {
    const fault = jsonFault(value, levels);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** An object of these fields: says which of them is missing, and what it is when it is no object at all. */
function fields<Entries extends v.ObjectEntries>(
  entries: Entries,
): v.ObjectSchema<Entries, (issue: v.ObjectIssue) => string> {
  return v.object(entries, (issue) => issue.path ? "is missing" : "must be an object");
}

function id<Id extends string>(make: (value: unknown) => Id): v.GenericSchema<unknown, Id> {
  const fault = `must be text of 1 to ${MAX_REFERENCE_LENGTH} characters`;
  return v.pipe(
    v.unknown(),
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      try {
        return make(dataset.value);
      } catch {
        addIssue({ message: fault });
        return NEVER;
      }
    }),
  );
}

function text(max: number, forbidden: RegExp = CONTROL): v.GenericSchema<string> {
  const fault = `must be text of 1 to ${max} characters`;
  return v.pipe(
    v.string(fault),
    v.check((value) => value.length <= max && value.trim() !== "", fault),
    v.check((value) => value.isWellFormed() && !forbidden.test(value), "has characters that are not allowed"),
  );
}

function list<Id extends string>(make: (value: unknown) => Id, min = 0): v.GenericSchema<unknown, Id[]> {
  const fault = `must be a list of ${min} to ${MAX_IDS} ids`;
  // the length is looked at first, so that a long list costs nothing
  return v.pipe(
    v.custom<unknown[]>((ids) => Array.isArray(ids) && ids.length >= min && ids.length <= MAX_IDS, fault),
    v.array(id(make)),
    v.transform((ids) => [...new Set(ids)]),
  );
}

const flag = v.boolean("must be true or false");
const name = v.pipe(text(MAX_NAME_LENGTH), v.trim());
const reference = v.nullish(text(MAX_REFERENCE_LENGTH), null);
const token = text(MAX_TOKEN_LENGTH);
const json = v.rawCheck<unknown>(({ dataset, addIssue }) => {
  const fault = jsonFault(dataset.value);
  if (fault !== undefined) addIssue({ message: fault });
});
const chatData = fields({
  type: text(MAX_REFERENCE_LENGTH),
  data: v.optional(v.pipe(v.unknown(), json)),
});
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
  "join-note": fields({ note_id: id(noteId) }),
  "events:channel": fields({
    channel_id: id(channelId),
    message_id: v.nullish(id(messageId), null),
    data: channelData,
  }),
  "usage": fields({ model: text(MAX_REFERENCE_LENGTH), action: reference, chat_id: reference }),
  "presence:list": fields({ userIds: v.optional(list(userId)) }),
};

const recipients = v.pipe(
  fields({
    userIds: v.optional(list(userId, 1)),
    channelId: v.optional(id(channelId)),
    sessionId: v.optional(id(sessionId)),
  }),
  v.check(
    (to) => Object.values(to).filter((target) => target !== undefined).length === 1,
    'must have one of "userIds", "channelId" and "sessionId"',
  ),
);

/** The bodies of contract §6, each with its schema. */
const BODIES = {
  "POST /api/auth/sign-in": fields({ name }),
  "POST /api/events": fields({ to: recipients, chat_id: reference, message_id: reference, data: chatData }),
  "POST /api/calls": fields({
    sessionId: id(sessionId),
    chat_id: reference,
    message_id: reference,
    data: chatData,
    timeoutMs: v.optional(v.pipe(
      v.number("must be a number"),
      v.check(
        (ms) => Number.isInteger(ms) && ms >= 1 && ms <= MAX_CALL_TIMEOUT_MS,
        `must be a whole number from 1 to ${MAX_CALL_TIMEOUT_MS}`,
      ),
    )),
  }),
  "POST /api/channels": fields({
    name,
    public: v.optional(flag, false),
    memberIds: v.optional(list(userId), []),
  }),
  "POST /api/notes": fields({
    title: name,
    public: v.optional(flag, false),
    readerIds: v.optional(list(userId), []),
    writerIds: v.optional(list(userId), []),
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
