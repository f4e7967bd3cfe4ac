/**
 * The description of the HTTP endpoints in OpenAPI 3.1, of the same schemas that parse what they are sent. A test holds
 * it against the routes and what they answer.
 */
import { toJsonSchema } from "@valibot/to-json-schema";
import * as v from "valibot";
import { type Code, CODES } from "../protocol/codes.ts";
import { count } from "../protocol/fields.ts";
import { BODIES, QUERIES } from "../protocol/payloads.ts";
import { RESOURCES } from "../protocol/resources.ts";
import { statusOf } from "./responses.ts";

type Who = "anyone" | "user" | "admin" | "service" | "user or service" | "metrics";

interface Operation {
  summary: string;
  /** The answer when all is well; absent: text. */
  schema?: v.GenericSchema;
  /** What it means, where the schema does not say so. */
  answer?: string;
  /** Default 200. */
  status?: number;
  /** What it fails with, beside the codes of who may call it and of what it is sent. */
  codes?: Code[];
  /** When it answers the same schema with 503. */
  unavailable?: string;
}

const TOKEN_CODES = Object.keys(CODES).filter((code) => code.startsWith("auth/")) as Code[];
const CODES_OF: Record<Who, Code[]> = {
  anyone: [],
  user: [...TOKEN_CODES, "server/unavailable"],
  admin: [...TOKEN_CODES, "access/denied", "server/unavailable"],
  service: ["auth/missing", "access/denied", "server/unavailable"],
  "user or service": [...TOKEN_CODES, "server/unavailable"],
  metrics: ["access/denied"],
};
const SECURITY: Record<Who, Record<string, string[]>[]> = {
  anyone: [],
  user: [{ userToken: [] }, { userCookie: [] }],
  admin: [{ userToken: [] }, { userCookie: [] }],
  service: [{ serviceToken: [] }],
  "user or service": [{ userToken: [] }, { userCookie: [] }, { serviceToken: [] }],
  metrics: [{}, { metricsToken: [] }],
};
const OK = v.object({ ok: v.literal(true) });

const CHANNEL = v.object({ channel: RESOURCES.Channel });
const ADD_MEMBER: Operation = {
  summary: "Adds a member, for the channel's maker and administrators; open pages follow at once",
  answer: "Whether they were no member before.",
  schema: v.object({ added: v.boolean() }),
  codes: ["access/denied", "access/not-found"],
};

/** Every endpoint, by who may call it. */
const OPERATIONS: Record<Who, Record<string, Operation>> = {
  anyone: {
    "GET /healthz": { summary: "Whether the process serves", schema: OK },
    "GET /readyz": {
      summary: "Whether this node should get traffic",
      answer: "It should.",
      schema: v.object({ ready: v.boolean(), reason: v.optional(v.string()) }),
      unavailable: "It should not; the reason names the failing part.",
    },
    "GET /api/openapi.json": { summary: "This description", schema: v.looseObject({}) },
    "POST /api/auth/sign-in": {
      summary: "Signs in by name, in demo mode only; also sets the cookie",
      schema: RESOURCES.SignedIn,
      codes: ["access/not-found"],
    },
  },
  metrics: {
    "GET /metrics": { summary: "Metrics as Prometheus text; open to all unless METRICS_TOKEN is set" },
  },
  user: {
    "POST /api/auth/refresh": {
      summary: "The token to go on with: a new one in demo mode, else the one that was shown",
      schema: RESOURCES.SignedIn,
    },
    "POST /api/auth/sign-out": {
      summary: "Revokes this token, which ends its sessions, and takes the cookie back",
      schema: OK,
    },
    "GET /api/auth/me": { summary: "Who is signed in", schema: v.omit(RESOURCES.SignedIn, ["token"]) },
    "GET /api/channels": {
      summary: "The user's channels with what is unread in each",
      schema: v.object({ channels: v.array(RESOURCES.ChannelView) }),
    },
    "POST /api/channels": { summary: "Makes a channel; its maker is a member", schema: CHANNEL, status: 201 },
    "PATCH /api/channels/{id}": {
      summary: "Names a channel anew, for its maker and administrators",
      schema: CHANNEL,
      codes: ["access/denied", "access/not-found"],
    },
    "DELETE /api/channels/{id}": {
      summary: "Removes a channel with all that was said in it, for its maker and administrators",
      schema: OK,
      codes: ["access/denied", "access/not-found"],
    },
    "GET /api/channels/{id}/messages": {
      summary: "The last 200 messages of a channel, the oldest first",
      schema: v.object({ messages: v.array(RESOURCES.Message) }),
      codes: ["access/denied"],
    },
    "GET /api/channels/{id}/members": {
      summary: "The members of a channel among the users whom GET /api/presence lists",
      schema: v.object({ members: v.array(RESOURCES.Presence) }),
      codes: ["access/denied"],
    },
    "PUT /api/channels/{id}/members/{userId}": ADD_MEMBER,
    "POST /api/channels/{id}/members/{userId}": { ...ADD_MEMBER, summary: "As PUT" },
    "DELETE /api/channels/{id}/members/{userId}": {
      summary: "Ends a membership: for the channel's maker, administrators and the member",
      answer: "Whether they were a member.",
      schema: v.object({ removed: v.boolean() }),
      codes: ["access/denied", "access/not-found"],
    },
  },
  "user or service": {
    "GET /api/presence": {
      summary:
        "How users are, of those whom one may see, or of all for a service: some, or a page of the lately active",
      schema: v.object({
        users: v.array(RESOURCES.Presence),
        next: v.optional(
          v.pipe(v.nullable(v.string()), v.description("null on the last page, which may be short.")),
        ),
        total: v.optional(count),
      }),
    },
  },
  admin: {
    "GET /api/sessions": {
      summary: "The fleet's sessions in the order of their ids, for administrators",
      answer: "A page of them; `next` is null on the last.",
      schema: v.object({ sessions: v.array(RESOURCES.Session), next: v.nullable(v.string()), total: count }),
    },
    "DELETE /api/sessions/{sid}": {
      summary: "Ends a session, for administrators; its client does not come back by itself",
      schema: OK,
      codes: ["access/not-found"],
    },
    "POST /api/users/{id}/revoke": {
      summary: "Revokes all tokens of a user that were issued until now, for administrators",
      schema: v.object({ ok: v.literal(true), tokensWithoutIat: v.string() }),
    },
    "DELETE /api/users/{id}/revoke": {
      summary: "Takes the revocation of a user back, for administrators",
      answer: "Whether there was one.",
      schema: v.object({ restored: v.boolean() }),
    },
  },
  service: {
    "POST /api/events": {
      summary: "Emits `events` into the open pages of users, of a channel's members, or of one session",
      answer: "How many sessions it was addressed to.",
      schema: v.object({ sessions: count }),
    },
    "POST /api/calls": {
      summary: "Emits `events` to one session and waits for what its page answers",
      answer: "What the page answered; null when that is nothing.",
      schema: v.unknown(),
      codes: ["access/not-found", "request/timeout", "request/bad-answer", "request/rate-limited"],
    },
  },
};

/** The document. */
export function openApi(): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const [who, operations] of Object.entries(OPERATIONS)) {
    for (const [route, operation] of Object.entries(operations)) {
      const [method, path] = route.split(" ") as [string, string];
      paths[path] = {
        ...paths[path],
        [method.toLowerCase()]: described(route, { who: who as Who, ...operation }),
      };
    }
  }
  const bearer = (description: string) => ({ type: "http", scheme: "bearer", description });
  return {
    openapi: "3.1.0",
    info: {
      title: "Tether",
      version: "1",
      description: "The HTTP endpoints. What pages and the server say to each other goes over Socket.IO. " +
        "Any of them may answer 429 with Retry-After and `request/rate-limited`: users and addresses have limits.",
    },
    paths,
    components: {
      schemas: Object.fromEntries(
        Object.entries(RESOURCES).map(([name, schema]) => [name, jsonSchema(schema, schema)]),
      ),
      securitySchemes: {
        userToken: { ...bearer("The token of a user."), bearerFormat: "JWT" },
        userCookie: { type: "apiKey", in: "cookie", name: "tether_token" },
        serviceToken: bearer("SERVICE_TOKEN."),
        metricsToken: bearer("METRICS_TOKEN."),
      },
    },
  };
}

function described(route: string, operation: Operation & { who: Who }) {
  const { who, summary, schema, answer = "All is well.", status = 200, codes = [], unavailable } = operation;
  const body = (BODIES as Record<string, v.GenericSchema>)[route];
  const query = (QUERIES as Record<string, { entries: v.ObjectEntries }>)[route];
  const parameters = [
    ...[...route.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
      name,
      in: "path",
      required: true,
      schema: { type: "string", minLength: 1, maxLength: 200 },
    })),
    ...Object.entries(query?.entries ?? {}).map(([name, schema]) => ({
      name,
      in: "query",
      schema: jsonSchema(schema),
    })),
  ];
  const ofInput: Code[] = body
    ? ["request/invalid", "request/too-large"]
    : parameters.length > 0
    ? ["request/invalid"]
    : [];
  const failures = Map.groupBy(new Set([...CODES_OF[who], ...ofInput, ...codes]), statusOf);
  return {
    summary,
    security: SECURITY[who],
    ...(parameters.length > 0 && { parameters }),
    ...(body && { requestBody: { required: true, content: json(body) } }),
    responses: {
      [status]: { description: answer, content: schema ? json(schema) : { "text/plain": {} } },
      ...(unavailable && { 503: { description: unavailable, content: json(schema!) } }),
      ...Object.fromEntries(
        [...failures].map(([status, codes]) => {
          const description = codes.map((code) => `\`${code}\`: ${CODES[code].message}`).join("\n\n");
          return [status, { description, content: json(RESOURCES.Error) }];
        }),
      ),
    },
  };
}

function json(schema: v.GenericSchema) {
  return { "application/json": { schema: jsonSchema(schema) } };
}

/** `schema` as JSON, with a reference for each component in it but `component`, which it is to describe. */
function jsonSchema(schema: v.GenericSchema, component?: v.GenericSchema): object {
  const { $schema: _, ...json } = toJsonSchema(schema, {
    target: "draft-2020-12",
    typeMode: "output",
    // checks that JSON has no words for are told in a parser's answer alone
    errorMode: "ignore",
    overrideSchema({ valibotSchema }) {
      if (valibotSchema === component) return;
      const [name] = Object.entries(RESOURCES).find(([, resource]) => resource === valibotSchema) ?? [];
      return name === undefined ? undefined : { $ref: `#/components/schemas/${name}` };
    },
  });
  return json;
}
