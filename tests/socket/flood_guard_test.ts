import assert from "node:assert/strict";
import type { UserId } from "../../lib/protocol/ids.ts";
import { createFloodGuard, KEPT_OUT_MS } from "../../lib/socket/flood_guard.ts";
import type { LiveSession } from "../../lib/socket/types.ts";
import { foreignClient, refusal } from "../support/foreign_client.ts";
import { person } from "../support/people.ts";
import { startTether, TEST_SECRET } from "../support/tether_process.ts";
import { testToken } from "../support/tokens.ts";

function session(id: string): LiveSession {
  return { identity: { user: { id } } } as unknown as LiveSession;
}

Deno.test("FloodGuard bears a hundred times the limit in refusals, then keeps the user out for a while", () => {
  let now = 0;
  const guard = createFloodGuard({ eventsPerSecond: 10, now: () => now });
  const one = session("ada"), other = session("bob");
  const ada = "ada" as UserId, bob = "bob" as UserId;
  for (let second = 0; second < 60; second++, now += 1000) {
    for (let event = 0; event < 1000; event++) assert.equal(guard.refused(one), false);
  }
  assert.equal(guard.refused(other), false);
  for (let event = 0; event < 1000; event++) guard.refused(one);
  assert.equal(guard.refused(one), true);
  assert.throws(() => guard.check(ada), { code: "admission/rate-limited", retryAfterMs: KEPT_OUT_MS });
  guard.check(bob);
  now += KEPT_OUT_MS - 1;
  assert.throws(() => guard.check(ada), { retryAfterMs: 1 });
  now += 1;
  guard.check(ada);
});

Deno.test("a session that floods is put out in words and its user kept out, and the others go on", async () => {
  await using server = await startTether({ env: { JWT_SECRET: TEST_SECRET, EVENTS_PER_SECOND: "5" } });
  await using bob = await person(server.url, "bob");
  await using mallory = await person(server.url, "mallory");
  const ended = mallory.client.next("session:end"), gone = mallory.client.next("disconnect");
  // far more than is read before the end, so that the last words must reach a client that is still sending
  for (let event = 0; event < 2000; event++) mallory.client.socket.emit("heartbeat", {});
  const { message: _, ...end } = await ended as Record<string, unknown>;
  assert.deepEqual(end, { code: "admission/rate-limited", action: "retry", retryAfterMs: KEPT_OUT_MS });
  assert.equal(await gone, "transport close");

  await using again = foreignClient(server.url, {
    token: await testToken({ claims: { sub: "mallory" } }),
    protocol: 1,
  });
  const refused = refusal(again);
  again.socket.connect();
  const { code, action, retryAfterMs } = (await refused).data;
  assert.deepEqual([code, action], ["admission/rate-limited", "retry"]);
  assert.ok(retryAfterMs! > 0 && retryAfterMs! <= KEPT_OUT_MS);
  assert.equal((await bob.client.ask("heartbeat", {})).ok, true);
});
