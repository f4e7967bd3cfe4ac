/** The JSON schemas of the HTTP endpoints' bodies and answers (contract §6), with the limits that the parsers hold. */
import { CODES } from "../protocol/codes.ts";
import { MAX_CALL_TIMEOUT_MS, MAX_IDS, MAX_NAME_LENGTH, MAX_REFERENCE_LENGTH } from "../protocol/payloads.ts";

/** A schema, as far as this server's are. */
export type Schema = Record<string, unknown>;

/** A reference to one of {@linkcode SCHEMAS}. */
export function ref(name: keyof typeof SCHEMAS): Schema {
  return { $ref: `#/components/schemas/${name}` };
}

/** An object; fields whose name ends in `?` may be missing. */
export function object(fields: Record<string, Schema>): Schema {
  const names = Object.keys(fields);
  const properties = Object.fromEntries(names.map((name) => [name.replace(/\?$/, ""), fields[name]]));
  return { type: "object", properties, required: names.filter((name) => !name.endsWith("?")) };
}

/** A list. */
export function list(items: Schema, limits: Schema = {}): Schema {
  return { type: "array", items, ...limits };
}

const text = { type: "string" }, flag = { type: "boolean" };
const id = { type: "string", minLength: 1, maxLength: 200 };
const name = { type: "string", minLength: 1, maxLength: MAX_NAME_LENGTH };
const ids = list(id, { maxItems: MAX_IDS });
const time = { type: "integer", description: "Epoch milliseconds." };
const timeOrNull = { type: ["integer", "null"], description: "Epoch milliseconds." };
const reference = { type: ["string", "null"], minLength: 1, maxLength: MAX_REFERENCE_LENGTH };
const author = object({ id, name: text, role: text });

const event = {
  "chat_id?": reference,
  "message_id?": reference,
  data: {
    ...object({
      type: { type: "string", minLength: 1, maxLength: MAX_REFERENCE_LENGTH },
      "data?": { description: "Any JSON, at most 16 levels deep." },
    }),
    description: "Reaches the page as it is.",
  },
};

/** The schemas by name. */
export const SCHEMAS = {
  Error: object({
    error: object({
      code: { type: "string", enum: Object.keys(CODES) },
      message: text,
      "retryAfterMs?": { type: "integer", description: "Milliseconds before which not to try again." },
    }),
  }),
  User: object({ id, name: text, "email?": text, role: text, "profile_image_url?": text }),
  Presence: object({
    id,
    name: text,
    status: { type: "string", enum: ["online", "away", "offline"] },
    lastActiveAt: timeOrNull,
  }),
  Channel: object({
    id,
    name: text,
    public: { type: "boolean", description: "Everybody is a member." },
    createdBy: { type: ["string", "null"] },
    createdAt: time,
  }),
  ChannelView: {
    allOf: [
      { $ref: "#/components/schemas/Channel" },
      object({ lastReadAt: timeOrNull, unread: { type: "integer", minimum: 0, maximum: 200 } }),
    ],
  },
  Message: object({
    id: { type: "string", description: "A ULID: ids sort by time." },
    channelId: id,
    parentId: { type: ["string", "null"], description: "The message that this one answers." },
    user: author,
    content: text,
    createdAt: time,
  }),
  SignIn: object({ name: { type: "string", minLength: 1, maxLength: 64 } }),
  SignedIn: object({ token: text, user: { $ref: "#/components/schemas/User" }, expiresAt: timeOrNull }),
  NewChannel: object({ name, "public?": flag, "memberIds?": ids }),
  Event: object({
    to: {
      ...object({ "userIds?": { ...ids, minItems: 1 }, "channelId?": id, "sessionId?": id }),
      description: "Exactly one of the three.",
      minProperties: 1,
      maxProperties: 1,
    },
    ...event,
  }),
  Call: object({
    sessionId: id,
    ...event,
    "timeoutMs?": {
      type: "integer",
      minimum: 1,
      maximum: MAX_CALL_TIMEOUT_MS,
      description: "Default: WEBSOCKET_EVENT_CALLER_TIMEOUT.",
    },
  }),
} satisfies Record<string, Schema>;
