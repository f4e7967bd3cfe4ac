import assert from "node:assert/strict";
import fc from "fast-check";
import { ProtocolError } from "../../lib/protocol/codes.ts";
import type { Requests } from "../../lib/protocol/events.ts";
import { type Bodies, parseBody, parsePayload, type Payloads } from "../../lib/protocol/payloads.ts";

type Json = Record<string, unknown>;

const TYPING = { channel_id: "general", message_id: null, data: { type: "typing", data: { typing: true } } };
const MESSAGE = {
  channel_id: "general",
  message_id: "m1",
  data: { type: "message", data: { content: "Hi" } },
} as const;

type Sent = { [Event in keyof Requests]: Required<Requests[Event]["payload"]> };

/** One good payload an event, every field filled in: what the types let a client send is what the parsers take. */
const GOOD: Sent & Record<"join-note", Json> = {
  "user-join": { auth: { token: "a.b.c" } },
  "heartbeat": { active: false },
  "auth:refresh": { token: "a.b.c" },
  "join-channels": {},
  "join-note": { note_id: "n1" },
  "events:channel": MESSAGE,
  "usage": { model: "llama", action: "chat", chat_id: "c1" },
  "presence:list": { userIds: ["ada", "bob"], limit: 10, after: "1:eve" },
};

/** What comes out as something else. */
const READ: { [Event in keyof Payloads]?: object } = { "presence:list": { after: { at: 1, id: "eve" } } };

const GOOD_BODIES: { [Route in keyof Bodies]: Json } = {
  "POST /api/auth/sign-in": { name: "Ada" },
  "POST /api/events": {
    to: { userIds: ["ada"] },
    chat_id: "c1",
    message_id: "m1",
    data: { type: "status", data: { done: [true, null, 1.5, "text"] } },
  },
  "POST /api/calls": {
    sessionId: "s1",
    chat_id: null,
    message_id: null,
    data: { type: "confirm", data: { question: "Really?" } },
    timeoutMs: 1000,
  },
  "PATCH /api/channels/{id}": { name: "News" },
  "POST /api/channels": { name: "News", public: true, memberIds: ["ada"] },
};

const eventNames = Object.keys(GOOD) as (keyof Payloads)[];
const routes = Object.keys(GOOD_BODIES) as (keyof Bodies)[];

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < depth; level++) value = level % 2 ? [value] : { value };
  return value;
}

/** Values that no field of any schema accepts. */
const poison = fc.oneof(
  fc.constantFrom<unknown>(
    "\ud800",
    "half \udfff a character",
    "x".repeat(1_000_000),
    NaN,
    Infinity,
    -1.5,
    10n,
    Symbol("s"),
    () => 1,
    new Uint8Array(3),
    new Date(0),
    new Map(),
    "\0",
    nested(17),
    nested(5_000),
    JSON.parse('{"__proto__": {"admin": true}}'),
    JSON.parse('{"a": {"constructor": {"prototype": {}}}}'),
    { toString: 1, valueOf: null },
    Array.from({ length: 1_001 }, (_, index) => `u${index}`),
    ["ok", 3],
    [["nested"]],
  ),
  fc.array(fc.integer(), { minLength: 1 }),
);

/** The paths of every field of `value`, leaves and branches. */
function paths(value: unknown, path: string[] = []): string[][] {
  if (typeof value !== "object" || value === null) return path.length > 0 ? [path] : [];
  return [
    ...(path.length > 0 ? [path] : []),
    ...Object.entries(value).flatMap(([key, child]) => paths(child, [...path, key])),
  ];
}

function replaced(value: unknown, path: string[], by: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return by;
  const copy = (Array.isArray(value) ? [...value] : { ...value as Json }) as Json;
  copy[key] = replaced(copy[key], rest, by);
  return copy;
}

function refusal(parse: () => unknown): ProtocolError | undefined {
  try {
    parse();
    return undefined;
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    assert.equal(error.code, "request/invalid");
    assert(error.message.length < 300, "the sentence repeats the payload");
    return error;
  }
}

/** Runs one parser over hostile payloads: a poisoned field is refused, and anything at all gets a typed answer. */
function attack(
  good: Json,
  parse: (payload: unknown) => unknown,
  { hasFreeForm }: { hasFreeForm: boolean },
): void {
  // free-form data lets some of the poison through by right: a number, a list
  const isFreeForm = (path: string[]): boolean => hasFreeForm && path[0] === "data" && path[1] === "data";
  const fieldPaths = paths(good);
  if (fieldPaths.length > 0) {
    fc.assert(
      fc.property(fc.constantFrom(...fieldPaths), poison, (path, value) => {
        const payload = replaced(good, path, value);
        assert(refusal(() => parse(payload)) || isFreeForm(path), `${path.join(".")} accepted it`);
      }),
      { numRuns: 200 },
    );
  }
  fc.assert(
    fc.property(fc.oneof(fc.anything({ withNullPrototype: true, withDate: true }), poison), (payload) => {
      refusal(() => parse(payload));
    }),
    { numRuns: 200 },
  );
  assert.equal(({} as Json).admin, undefined, "a prototype was changed");
}

for (const event of eventNames) {
  Deno.test(`parsePayload() answers 400 hostile payloads of ${event} with typed errors`, () => {
    attack(GOOD[event], (payload) => parsePayload(event, payload), { hasFreeForm: false });
  });
}

Deno.test("parsePayload() answers 200 hostile typing notices with typed errors", () => {
  fc.assert(
    fc.property(fc.constantFrom(...paths(TYPING)), poison, (path, value) => {
      const parse = (): unknown => parsePayload("events:channel", replaced(TYPING, path, value));
      // an object with strange fields only is an empty one
      if (refusal(parse) === undefined) assert.deepEqual([path, parse()], [["data", "data"], TYPING]);
    }),
    { numRuns: 200 },
  );
});

for (const route of routes) {
  Deno.test(`parseBody() answers 400 hostile bodies of ${route} with typed errors`, () => {
    attack(GOOD_BODIES[route], (body) => parseBody(route, body), { hasFreeForm: true });
  });
}

Deno.test("parsePayload() keeps the fields of the contract and drops all others", () => {
  for (const event of eventNames) {
    const extra = { ...GOOD[event], user_id: "someone else", user_name: "Eve", unknown: nested(100) };
    assert.deepEqual(parsePayload(event, extra), { ...GOOD[event], ...READ[event] }, event);
  }
  for (const route of routes) {
    assert.deepEqual(
      JSON.parse(JSON.stringify(parseBody(route, { ...GOOD_BODIES[route], user_id: "someone else" }))),
      GOOD_BODIES[route],
      route,
    );
  }
});

Deno.test("parsePayload() does not let a prototype key set a field", () => {
  const payload = JSON.parse('{ "__proto__": { "active": false }, "constructor": 1 }');
  assert.deepEqual(parsePayload("heartbeat", payload), { active: true });
});

Deno.test("parsePayload() takes nothing for {} where all fields are optional", () => {
  for (const nothing of [undefined, null, {}]) {
    assert.deepEqual(parsePayload("heartbeat", nothing), { active: true });
    assert.deepEqual(parsePayload("join-channels", nothing), {});
    assert.equal(parsePayload("presence:list", nothing).userIds, undefined);
    assert.match(
      refusal(() => parsePayload("events:channel", nothing))?.message ?? "",
      /"channel_id" is missing/,
    );
  }
});

Deno.test("parsePayload() takes null for a field that is left out", () => {
  assert.deepEqual(parsePayload("heartbeat", { active: null }), { active: true });
  const notice = { channel_id: "general", message_id: undefined, data: { type: "typing", data: null } };
  assert.deepEqual(parsePayload("events:channel", notice), TYPING);
});

Deno.test("parsePayload() accepts what Open WebUI's client sends", () => {
  assert.deepEqual(parsePayload("events:channel", TYPING), TYPING);
  assert.deepEqual(
    parsePayload("events:channel", { channel_id: "c", message_id: null, data: { type: "last_read_at" } }),
    { channel_id: "c", message_id: null, data: { type: "last_read_at" } },
  );
  assert.deepEqual(parsePayload("join-channels", { auth: { token: "t" } }), {});
  assert.deepEqual(parsePayload("usage", { model: "m" }), { model: "m", action: null, chat_id: null });
});

Deno.test("parsePayload() bounds the text of a message and keeps its line breaks", () => {
  const message = (content: string) => ({ channel_id: "c", data: { type: "message", data: { content } } });
  const longest = "é\n".repeat(4_000);
  assert.deepEqual(parsePayload("events:channel", message(longest)).data, {
    type: "message",
    data: { content: longest },
  });
  for (const content of [`${longest}x`, "", "  \n "]) {
    assert.match(refusal(() => parsePayload("events:channel", message(content)))?.message ?? "", /1 to 8000/);
  }
});

Deno.test("parsePayload() refuses an event without a schema", () => {
  for (const event of ["nothing", "constructor", "__proto__"]) {
    assert.throws(() => parsePayload(event as keyof Payloads, {}), { code: "request/unknown-event" });
  }
});

Deno.test("parseBody() bounds free-form data and refuses reserved names in it", () => {
  const body = (data: unknown) => ({ to: { channelId: "c" }, data: { type: "t", data } });
  assert.equal(refusal(() => parseBody("POST /api/events", body(nested(16)))), undefined);
  assert.match(
    refusal(() => parseBody("POST /api/events", body(nested(17))))?.message ?? "",
    /deeper than 16/,
  );
  const reserved = body(JSON.parse('[{ "__proto__": 1 }]'));
  assert.match(
    refusal(() => parseBody("POST /api/events", reserved))?.message ?? "",
    /"data.data" uses a reserved/,
  );
});

Deno.test("parseBody() wants exactly one kind of recipient", () => {
  for (const to of [{}, { channelId: "c", sessionId: "s" }, { userIds: [] }]) {
    assert(refusal(() => parseBody("POST /api/events", { to, data: { type: "t" } })));
  }
});
