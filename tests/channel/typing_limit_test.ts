import assert from "node:assert/strict";
import { createTypingGate, MAX_TYPISTS, TYPING_FORGOTTEN_MS } from "../../lib/channel/typing_limit.ts";
import { channelId, userId } from "../../lib/protocol/ids.ts";

const ADA = userId("ada");
const NEWS = channelId("news");

Deno.test("TypingGate relays one notice a second per user and channel", () => {
  let now = 0;
  const gate = createTypingGate(() => now);
  const relayed: number[] = [];
  for (; now < 3_000; now += 50) if (gate.admit(ADA, NEWS, { typing: true })) relayed.push(now);
  assert.deepEqual(relayed, [0, 1_000, 2_000]);
  assert.equal(gate.admit(ADA, channelId("team"), { typing: true }), true);
  assert.equal(gate.admit(userId("bob"), NEWS, { typing: true }), true);
});

Deno.test("TypingGate relays one end for each beginning", () => {
  let now = 0;
  const gate = createTypingGate(() => now);
  assert.equal(gate.admit(ADA, NEWS, { typing: false }), false);
  assert.equal(gate.admit(ADA, NEWS, { typing: true }), true);
  now = 100;
  assert.equal(gate.admit(ADA, NEWS, { typing: false }), true);
  assert.equal(gate.admit(ADA, NEWS, { typing: false }), false);
  assert.equal(gate.admit(ADA, NEWS, { typing: true }), false);
  now = 1_000;
  assert.equal(gate.admit(ADA, NEWS, { typing: true }), true);
});

Deno.test("TypingGate forgets who has not typed for five seconds", () => {
  let now = 0;
  const gate = createTypingGate(() => now);
  assert.equal(gate.admit(ADA, NEWS, { typing: true }), true);
  now = TYPING_FORGOTTEN_MS;
  assert.equal(gate.admit(ADA, NEWS, { typing: false }), false);
});

Deno.test("TypingGate relays ten users a second in a channel, and as many in another", () => {
  let now = 0;
  const gate = createTypingGate(() => now);
  const typists = (id = NEWS): number =>
    Array.from({ length: 50 }, (_, index) => userId(`u${index}`))
      .filter((user) => gate.admit(user, id, { typing: true })).length;
  assert.equal(typists(), MAX_TYPISTS);
  assert.equal(typists(channelId("team")), MAX_TYPISTS);
  now = 999;
  assert.equal(typists(), 0);
  now = 1_000;
  assert.equal(typists(), MAX_TYPISTS);
});
