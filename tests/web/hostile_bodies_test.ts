/** Hostile bodies over HTTP: whatever is posted, the answer is a code, and nothing comes of it. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { type Bodies, parseBody } from "../../lib/protocol/payloads.ts";
import { apiClient } from "../support/api.ts";
import { isCode } from "../support/codes.ts";
import { person } from "../support/people.ts";
import { startTether, TEST_SECRET } from "../support/tether_process.ts";

const SERVICE_TOKEN = "a-service-token-for-tests";
const BODIES = 200, AT_ONCE = 20;

const GOOD = {
  "POST /api/channels": { name: "News", public: true, memberIds: ["ada"] },
  "POST /api/events": { to: { userIds: ["ada"] }, chat_id: "c1", data: { type: "t", data: [] } },
  "POST /api/calls": { sessionId: "s1", chat_id: "c1", data: { type: "t", data: [] }, timeoutMs: 10 },
} satisfies Partial<Record<keyof Bodies, unknown>>;

const json = fc.oneof(
  fc.json({ maxDepth: 4 }),
  fc.constantFrom(
    ...["", "{", "null", "[]", '"x"', "1e999", "\u0000", "{}{}", '{"to":{"userIds":["ada"]}', "NaN"],
    ...['{"__proto__":{"name":"x"}}', '{"constructor":{"prototype":{}}}', "[".repeat(20_000)],
    ...['{"name":"\\ud800"}', `{"name":"${"x".repeat(5_000)}"}`, '{"name":"a","name":1}'],
  ),
);

/** A text that is not a good body of `route`. */
function hostile(route: keyof typeof GOOD): string[] {
  const poisoned = fc.tuple(fc.constantFrom(...Object.keys(GOOD[route])), fc.jsonValue())
    .map(([field, value]) => JSON.stringify({ ...GOOD[route], [field]: value }));
  return fc.sample(fc.oneof(poisoned, json).filter((text) => !isGood(route, text)), BODIES);
}

function isGood(route: keyof Bodies, text: string): boolean {
  try {
    parseBody(route, JSON.parse(text));
    return true;
  } catch {
    return false;
  }
}

Deno.test("hostile bodies are answered with codes", async (t) => {
  await using server = await startTether({
    env: { JWT_SECRET: TEST_SECRET, SERVICE_TOKEN, PUBLIC_CHANNELS: "everyone" },
  });
  await using ada = await person(server.url, "ada");
  const heard = ada.heard.length;

  for (const route of Object.keys(GOOD) as (keyof typeof GOOD)[]) {
    await t.step(`${BODIES} of ${route}`, async () => {
      const ask = route === "POST /api/channels" ? ada.api : apiClient(server.url, SERVICE_TOKEN);
      const bodies = hostile(route);
      for (let start = 0; start < bodies.length; start += AT_ONCE) {
        const some = bodies.slice(start, start + AT_ONCE);
        for (
          const [index, { status, body }] of (await Promise.all(some.map((text) => ask(route, text))))
            .entries()
        ) {
          assert.equal(status, 400, String(some[index]));
          assert.ok(isCode(body.error.code) && body.error.message.length < 300, JSON.stringify(body));
        }
      }
    });
  }

  await t.step("what is no JSON by its type or its bytes", async () => {
    const headers = { authorization: `Bearer ${SERVICE_TOKEN}` };
    for (
      const init of [
        { body: new URLSearchParams({ a: "b" }) },
        { body: JSON.stringify(GOOD["POST /api/events"]), headers: { "content-type": "text/plain" } },
        { body: new Uint8Array([0x22, 0xff, 0x22]), headers: { "content-type": "application/json" } },
        { headers: { "content-type": "application/json" } },
      ]
    ) {
      const response = await fetch(`${server.url}/api/events`, {
        method: "POST",
        ...init,
        headers: { ...headers, ...init.headers },
      });
      assert.equal(response.status, 400);
      assert.equal((await response.json()).error.code, "request/invalid");
    }
  });

  assert.equal((await ada.client.ask("heartbeat", {})).ok, true);
  assert.equal(ada.heard.length, heard);
  assert.equal((await ada.api("GET /api/channels")).body.channels.length, 1);
  assert.doesNotMatch(server.output, /A request failed|TypeError/);
});
