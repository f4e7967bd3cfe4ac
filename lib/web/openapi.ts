/** The description of the HTTP endpoints in OpenAPI 3.1. A test holds it against the routes and what they answer. */
import { type Code, CODES } from "../protocol/codes.ts";
import { statusOf } from "./responses.ts";
import { list, object, ref, type Schema, SCHEMAS } from "./openapi_schemas.ts";

type Who = "anyone" | "user" | "admin" | "service" | "metrics";

interface Operation {
  summary: string;
  who: Who;
  body?: Schema;
  /** What the query may say. */
  query?: Record<string, Schema>;
  /** The good answer: its status (default 200), what it is, its schema (JSON) or its media type. */
  answer: { status?: number; description: string; schema?: Schema; mediaType?: string };
  /** What it fails with, beside the codes of who may call it. */
  codes?: Code[];
  /** Answers of other shapes, by status. */
  others?: Record<number, { description: string; schema: Schema }>;
}

const TOKEN_CODES = Object.keys(CODES).filter((code) => code.startsWith("auth/")) as Code[];
const CODES_OF: Record<Who, Code[]> = {
  anyone: [],
  user: [...TOKEN_CODES, "server/unavailable"],
  admin: [...TOKEN_CODES, "access/denied", "server/unavailable"],
  service: ["auth/missing", "access/denied", "server/unavailable"],
  metrics: ["access/denied"],
};
const SECURITY: Record<Who, Record<string, string[]>[]> = {
  anyone: [],
  user: [{ userToken: [] }, { userCookie: [] }],
  admin: [{ userToken: [] }, { userCookie: [] }],
  service: [{ serviceToken: [] }],
  metrics: [{}, { metricsToken: [] }],
};
const BODY_CODES: Code[] = ["request/invalid", "request/too-large"];
const readiness = object({ ready: { type: "boolean" }, "reason?": { type: "string" } });

const ADD_MEMBER: Operation = {
  summary: "Adds a member, for the channel's maker and administrators; open pages follow at once",
  who: "user",
  answer: {
    description: "Whether they were no member before.",
    schema: object({ added: { type: "boolean" } }),
  },
  codes: ["access/denied", "access/not-found", "request/invalid"],
};

const OPERATIONS: Record<string, Operation> = {
  "GET /healthz": {
    summary: "Whether the process serves",
    who: "anyone",
    answer: { description: "It does.", schema: object({ ok: { const: true } }) },
  },
  "GET /readyz": {
    summary: "Whether this node should get traffic",
    who: "anyone",
    answer: { description: "It should.", schema: readiness },
    others: { 503: { description: "It should not; the reason names the failing part.", schema: readiness } },
  },
  "GET /metrics": {
    summary: "Metrics as Prometheus text; open to all unless METRICS_TOKEN is set",
    who: "metrics",
    answer: { description: "The metrics.", mediaType: "text/plain" },
  },
  "GET /api/openapi.json": {
    summary: "This description",
    who: "anyone",
    answer: { description: "OpenAPI 3.1.", schema: { type: "object" } },
  },
  "POST /api/auth/sign-in": {
    summary: "Signs in by name, in demo mode only; also sets the cookie",
    who: "anyone",
    body: ref("SignIn"),
    answer: { description: "A token.", schema: ref("SignedIn") },
    codes: ["access/not-found"],
  },
  "POST /api/auth/refresh": {
    summary: "The token to go on with: a new one in demo mode, else the one that was shown",
    who: "user",
    answer: { description: "A token.", schema: ref("SignedIn") },
  },
  "POST /api/auth/sign-out": {
    summary: "Revokes this token, which ends its sessions, and takes the cookie back",
    who: "user",
    answer: { description: "Done.", schema: object({ ok: { const: true } }) },
  },
  "GET /api/auth/me": {
    summary: "Who is signed in",
    who: "user",
    answer: {
      description: "The user, and when the token runs out.",
      schema: object({ user: ref("User"), expiresAt: { type: ["integer", "null"] } }),
    },
  },
  "GET /api/presence": {
    summary: "The users whom one may see, and their status; at most 1,000, those who were active last",
    who: "user",
    answer: { description: "The users.", schema: object({ users: list(ref("Presence")) }) },
  },
  "GET /api/channels": {
    summary: "The user's channels with what is unread in each",
    who: "user",
    answer: { description: "The channels.", schema: object({ channels: list(ref("ChannelView")) }) },
  },
  "POST /api/channels": {
    summary: "Makes a channel; its maker is a member",
    who: "user",
    body: ref("NewChannel"),
    answer: { status: 201, description: "The channel.", schema: object({ channel: ref("Channel") }) },
  },
  "PATCH /api/channels/{id}": {
    summary: "Names a channel anew, for its maker and administrators",
    who: "user",
    body: object({ name: { type: "string", minLength: 1, maxLength: 100 } }),
    answer: { description: "The channel.", schema: object({ channel: ref("Channel") }) },
    codes: ["access/denied", "access/not-found", "request/invalid"],
  },
  "DELETE /api/channels/{id}": {
    summary: "Removes a channel with all that was said in it, for its maker and administrators",
    who: "user",
    answer: { description: "It is gone.", schema: object({ ok: { const: true } }) },
    codes: ["access/denied", "access/not-found", "request/invalid"],
  },
  "GET /api/channels/{id}/messages": {
    summary: "The last 200 messages of a channel, the oldest first",
    who: "user",
    answer: { description: "The messages.", schema: object({ messages: list(ref("Message")) }) },
    codes: ["access/denied", "request/invalid"],
  },
  "GET /api/channels/{id}/members": {
    summary: "The members of a channel among the users whom GET /api/presence lists",
    who: "user",
    answer: { description: "The members.", schema: object({ members: list(ref("Presence")) }) },
    codes: ["access/denied", "request/invalid"],
  },
  "PUT /api/channels/{id}/members/{userId}": ADD_MEMBER,
  "POST /api/channels/{id}/members/{userId}": { ...ADD_MEMBER, summary: "As PUT" },
  "DELETE /api/channels/{id}/members/{userId}": {
    summary: "Ends a membership: for the channel's maker, administrators and the member",
    who: "user",
    answer: { description: "Whether they were a member.", schema: object({ removed: { type: "boolean" } }) },
    codes: ["access/denied", "access/not-found", "request/invalid"],
  },
  "GET /api/sessions": {
    summary: "The fleet's sessions in the order of their ids, for administrators",
    who: "admin",
    query: {
      limit: { type: "integer", minimum: 1, maximum: 1000, default: 100 },
      after: { type: "string", description: "The `next` of the page before." },
    },
    answer: {
      description: "A page of them; `next` is null on the last.",
      schema: object({
        sessions: list(ref("Session")),
        next: { type: ["string", "null"] },
        total: { type: "integer", minimum: 0 },
      }),
    },
    codes: ["request/invalid"],
  },
  "DELETE /api/sessions/{sid}": {
    summary: "Ends a session, for administrators; its client does not come back by itself",
    who: "admin",
    answer: { description: "Done.", schema: object({ ok: { const: true } }) },
    codes: ["access/not-found", "request/invalid"],
  },
  "POST /api/users/{id}/revoke": {
    summary: "Revokes all tokens of a user that were issued until now, for administrators",
    who: "admin",
    answer: { description: "Done.", schema: object({ ok: { const: true } }) },
    codes: ["request/invalid"],
  },
  "POST /api/events": {
    summary: "Emits `events` into the open pages of users, of a channel's members, or of one session",
    who: "service",
    body: ref("Event"),
    answer: {
      description: "How many sessions it was addressed to.",
      schema: object({ sessions: { type: "integer", minimum: 0 } }),
    },
  },
  "POST /api/calls": {
    summary: "Emits `events` to one session and waits for what its page answers",
    who: "service",
    body: ref("Call"),
    answer: { description: "What the page answered; null when that is nothing.", schema: {} },
    codes: ["access/not-found", "request/timeout", "request/bad-answer", "request/rate-limited"],
  },
};

/** The document. */
export function openApi(): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const [route, operation] of Object.entries(OPERATIONS)) {
    const [method, path] = route.split(" ") as [string, string];
    paths[path] = { ...paths[path], [method.toLowerCase()]: described(path, operation) };
  }
  const bearer = (description: string) => ({ type: "http", scheme: "bearer", description });
  return {
    openapi: "3.1.0",
    info: {
      title: "Tether",
      version: "1",
      description: "The HTTP endpoints. What pages and the server say to each other goes over Socket.IO.",
    },
    paths,
    components: {
      schemas: SCHEMAS,
      securitySchemes: {
        userToken: { ...bearer("The token of a user."), bearerFormat: "JWT" },
        userCookie: { type: "apiKey", in: "cookie", name: "tether_token" },
        serviceToken: bearer("SERVICE_TOKEN."),
        metricsToken: bearer("METRICS_TOKEN."),
      },
    },
  };
}

function described(
  path: string,
  { summary, who, body, query = {}, answer, codes = [], others = {} }: Operation,
) {
  const failures = Map.groupBy(
    new Set([...CODES_OF[who], ...(body ? BODY_CODES : []), ...codes]),
    (code) => statusOf(code),
  );
  const parameters = [
    ...[...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
      ...{ name, in: "path", required: true },
      schema: { type: "string", minLength: 1, maxLength: 200 },
    })),
    ...Object.entries(query).map(([name, schema]) => ({ name, in: "query", schema })),
  ];
  const { status = 200, description, schema, mediaType = "application/json" } = answer;
  return {
    summary,
    security: SECURITY[who],
    ...(parameters.length > 0 && { parameters }),
    ...(body && { requestBody: { required: true, content: { "application/json": { schema: body } } } }),
    responses: {
      [status]: { description, content: { [mediaType]: schema === undefined ? {} : { schema } } },
      ...Object.fromEntries(
        Object.entries(others).map(([status, { description, schema }]) => [
          status,
          { description, content: { "application/json": { schema } } },
        ]),
      ),
      ...Object.fromEntries(
        [...failures].map(([status, codes]) => [
          status,
          {
            description: codes.map((code) => `\`${code}\`: ${CODES[code].message}`).join("\n\n"),
            content: { "application/json": { schema: ref("Error") } },
          },
        ]),
      ),
    },
  };
}
