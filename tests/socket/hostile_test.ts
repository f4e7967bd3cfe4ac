/** Hostile payloads over real sockets: whatever is sent, the answer is a code, and nobody else notices. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { parsePayload, type Payloads } from "../../lib/protocol/payloads.ts";
import { apiClient } from "../support/api.ts";
import { isCode } from "../support/codes.ts";
import type { Answer } from "../support/foreign_client.ts";
import { type Person, person } from "../support/people.ts";
import { startTether, TEST_SECRET } from "../support/tether_process.ts";

type Json = Record<string, unknown>;
const PAYLOADS_PER_EVENT = 200;

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < depth; level++) value = level % 2 ? [value] : { value };
  return value;
}

const poison = fc.oneof(
  fc.constantFrom<unknown>(
    "\ud800",
    "half \udfff a character",
    "x".repeat(20_000),
    "\0",
    -1.5,
    1e308,
    nested(17),
    nested(1_000),
    new Uint8Array(3),
    { bytes: new Uint8Array(3) },
    JSON.parse('{"__proto__": {"ok": true}}'),
    JSON.parse('{"constructor": {"prototype": {"ok": true}}}'),
    { toString: 1, valueOf: null, toJSON: "no" },
    { _placeholder: true, num: 0 },
    Array.from({ length: 1_001 }, (_, index) => `u${index}`),
    ["ok", 3],
  ),
  fc.jsonValue(),
  fc.string({ unit: "binary", maxLength: 300 }),
);

/** The paths of every field of `value`, leaves and branches. */
function paths(value: unknown, path: string[] = []): string[][] {
  if (typeof value !== "object" || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, child]) => paths(child, [...path, key]))];
}

function replaced(value: unknown, [key, ...rest]: string[], by: unknown): unknown {
  if (key === undefined) return by;
  const copy = { ...value as Json };
  copy[key] = replaced(copy[key], rest, by);
  return copy;
}

/** Whether the contract lets this through, as it arrives on the other side. */
function isGood(event: keyof Payloads, payload: unknown): boolean {
  try {
    parsePayload(event, JSON.parse(JSON.stringify(payload ?? null)));
    return true;
  } catch {
    return false;
  }
}

/** Bad payloads of `event`: a good one with one field poisoned, and anything at all. */
function hostile(event: keyof Payloads, good: Json): unknown[] {
  const arbitrary = fc.oneof(
    fc.tuple(fc.constantFrom(...paths(good)), poison).map(([path, value]) => replaced(good, path, value)),
    poison,
  ).filter((payload) => !isGood(event, payload));
  return fc.sample(arbitrary, PAYLOADS_PER_EVENT);
}

function assertTyped({ ok, error }: Answer, what: string): void {
  assert.equal(ok, false, what);
  assert.ok(isCode(error?.code) && error.code !== "server/unavailable", `${what}: ${error?.code}`);
  assert.ok(error.message.length < 300 && !/\n|node_modules|\.ts:/.test(error.message), error.message);
}

Deno.test("hostile payloads are answered with codes, and neither stored nor relayed", async (t) => {
  await using server = await startTether({
    env: { JWT_SECRET: TEST_SECRET, EVENTS_PER_SECOND: "1000000" },
  });
  await using bob = await person(server.url, "bob");
  const { body: { channel: { id: secret } } } = await bob.api("POST /api/channels", { name: "Secret" });
  await using mallory = await person(server.url, "mallory");
  await using grace = await person(server.url, "grace");
  for (const { client } of [bob, grace]) await client.ask("presence:list", {});
  const spokenTo = async (watcher: Person): Promise<number> => {
    await watcher.client.ask("heartbeat", {});
    return watcher.heard.length;
  };
  const stored = async () => {
    const answers = [];
    for (const route of ["GET /api/channels", "GET /api/channels/general/messages"]) {
      answers.push((await bob.api(route)).body, (await mallory.api(route)).body);
    }
    answers.push((await bob.api(`GET /api/channels/${secret}/messages`)).body);
    return answers;
  };

  const good: { [Event in keyof Payloads]: Json } = {
    "user-join": { auth: { token: "a.b.c" } },
    "heartbeat": { active: false },
    "auth:refresh": { token: "a.b.c" },
    "join-channels": {},
    "join-note": { note_id: "n1" },
    "events:channel": {
      ...{ channel_id: "general", message_id: "m1" },
      data: { type: "message", data: { content: "Hi" } },
    },
    "usage": { model: "llama", action: "chat", chat_id: "c1" },
    "presence:list": { userIds: ["ada", "bob"] },
  };
  const before = { bob: await spokenTo(bob), grace: await spokenTo(grace), stored: await stored() };
  async function assertNothingHappened(): Promise<void> {
    assert.equal(await spokenTo(bob), before.bob);
    assert.equal(await spokenTo(grace), before.grace);
    assert.deepEqual(await stored(), before.stored);
    assert.equal((await apiClient(server.url)("GET /healthz")).status, 200);
    assert.equal((await mallory.client.ask("heartbeat", {})).ok, true);
  }

  for (const event of Object.keys(good) as (keyof Payloads)[]) {
    await t.step(`${PAYLOADS_PER_EVENT} of ${event}`, async () => {
      const payloads = hostile(event, good[event]);
      const answers = await Promise.all(payloads.map((payload) => mallory.client.ask(event, payload)));
      for (const [index, answer] of answers.entries()) {
        assertTyped(answer, JSON.stringify(payloads[index]).slice(0, 200));
      }
      await assertNothingHappened();
    });
  }

  await t.step("ids of others are of no use", async () => {
    for (
      const data of [
        { type: "typing", data: { typing: true } },
        { type: "message", data: { content: "Let me in" } },
        { type: "last_read_at" },
      ]
    ) {
      for (const channel_id of [secret, "none", `channel:${secret}`, "user:bob", bob.sid]) {
        const answer = await mallory.client.ask("events:channel", {
          channel_id,
          data,
          ...{ user_id: "bob", user: { id: "bob" } },
        });
        assert.equal(answer.error?.code, "access/denied");
      }
    }
    await assertNothingHappened();
  });

  await t.step("names of events that are not served, or are others' to emit", async () => {
    for (
      const event of [
        ...["__proto__", "constructor", "toString", "", "x".repeat(10_000), "\ud800", "session:ready"],
        ...["session:end", "presence:change", "events", "ydoc:document:join", "count", "membership", "call"],
      ]
    ) {
      assert.equal((await mallory.client.ask(event, {})).error?.code, "request/unknown-event", event);
    }
    await assertNothingHappened();
  });

  await t.step("packets that no client library sends end at most their own session", async () => {
    for (
      const packet of [
        ...['2["disconnect"]', '2["connect"]', '2["error",{}]', '2["newListener"]', '2["disconnecting","x"]'],
        ...[
          "2[]",
          "2{}",
          "2[1]",
          "2[null]",
          '2["a"',
          "2",
          "9",
          "",
          "0",
          "0{}",
          '0/admin,{"token":1}',
          "1",
          "4{}",
        ],
        ...[
          "51-",
          '51-["heartbeat",{"_placeholder":true,"num":0}]',
          '599999-["a"]',
          "3[]",
          "399999999999[1]",
          "61-1[]",
        ],
        ...[
          '2999999999999999999999["heartbeat",{}]',
          '2/admin,["heartbeat"]',
          `2["heartbeat",${"[".repeat(5_000)}`,
        ],
      ]
    ) {
      const attacker = await person(server.url, "mallory2");
      // what was sent before it is answered, whatever becomes of the session afterwards
      const over = Promise.race([
        attacker.client.next("disconnect"),
        new Promise((resolve) => attacker.client.socket.io.once("close", resolve)),
      ]);
      attacker.client.socket.io.engine.write(packet);
      const answered = attacker.client.ask("heartbeat", {}).catch(() => undefined);
      await Promise.race([over, answered]);
      await attacker[Symbol.asyncDispose]();
    }
    const told = bob.heard.slice(before.bob).filter(([event]) => event !== "presence:change");
    assert.deepEqual(told, []);
    assert.equal((await apiClient(server.url)("GET /healthz")).status, 200);
    assert.equal((await bob.client.ask("heartbeat", {})).ok, true);
  });

  assert.doesNotMatch(server.output, /An event handler failed|Uncaught|TypeError/);
});
