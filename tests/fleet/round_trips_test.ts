/** How often a session waits for Redis: what is done with Redis far away, divided by the time there and back. */
import assert from "node:assert/strict";
import { apiClient } from "../support/api.ts";
import { SERVICE_TOKEN, startFleet } from "../support/fleet.ts";
import { roamingClient } from "../support/roaming_client.ts";
import { testToken } from "../support/tokens.ts";

// far enough for what is computed to weigh little
const ROUND_TRIP_MS = 60;
const TRIES = 8;

/** What each may wait for Redis, in round trips. */
const BOUNDS = {
  "session:ready": 2.6,
  "user-join": 1.6,
  "a message's ack": 1.6,
  "a message's way to another node": 1.6,
  "an answered call to another node": 2.5,
  "heartbeat": 0.5,
};

Deno.test("what is done with Redis far away takes few round trips", async () => {
  await using fleet = await startFleet({ nodes: 2, links: true });
  const urls = fleet.nodes.map(({ url }) => url);
  const token = (sub: string) => testToken({ claims: { sub, name: sub } });
  let sent = 0, heard = Promise.withResolvers<void>();
  const ada = roamingClient({ token: await token("ada"), onEvent: () => {} });
  const bob = roamingClient({
    token: await token("bob"),
    onEvent: (_, payload) => JSON.stringify(payload).includes(`"hello ${sent}"`) && heard.resolve(),
    answer: () => ({ here: true }),
  });
  await ada.connect(urls[0]!);
  const { sid } = await bob.connect(urls[1]!);
  for (const client of [ada, bob]) assert.equal((await client.ask("join-channels", {})).ok, true);
  const service = apiClient(urls[0]!, SERVICE_TOKEN);
  for (const { toServer, toClient } of fleet.links) toServer.delayMs = toClient.delayMs = ROUND_TRIP_MS / 2;

  const ask = async (event: string, payload: unknown): Promise<void> => {
    const { ok, error } = await ada.ask(event, payload);
    assert.equal(ok, true, JSON.stringify(error));
  };
  const say = (): Promise<void> => {
    const data = { type: "message", data: { content: `hello ${++sent}` } };
    return ask("events:channel", { channel_id: "general", data });
  };
  const done: Record<keyof typeof BOUNDS, () => Promise<number | void>> = {
    async "session:ready"() {
      const client = roamingClient({ token: await token("cleo"), onEvent: () => {} });
      await client.connect(urls[0]!);
      const tookMs = client.readyAfterMs;
      await client.close();
      return tookMs;
    },
    "user-join": async () => ask("user-join", { auth: { token: await token("ada") } }),
    "a message's ack": say,
    async "a message's way to another node"() {
      heard = Promise.withResolvers();
      // it is stored first; then it is acknowledged and sent to the others at once
      await say();
      const start = performance.now();
      await heard.promise;
      return performance.now() - start;
    },
    async "an answered call to another node"() {
      const { status, body } = await service("POST /api/calls", { sessionId: sid, data: { type: "ask" } });
      assert.deepEqual([status, body], [200, { here: true }]);
    },
    "heartbeat": () => ask("heartbeat", {}),
  };

  const found: Record<string, { "round trips": number; "at most": number }> = {};
  for (const [what, atMost] of Object.entries(BOUNDS)) {
    let least = Infinity;
    for (let n = 0; n < TRIES; n++) {
      const start = performance.now();
      const own = await done[what as keyof typeof BOUNDS]();
      least = Math.min(least, own ?? performance.now() - start);
    }
    found[what] = { "round trips": Math.round(10 * least / ROUND_TRIP_MS) / 10, "at most": atMost };
  }
  console.table(found);
  for (const { toServer, toClient } of fleet.links) toServer.delayMs = toClient.delayMs = 0;
  for (const client of [ada, bob]) await client.close();
  for (const [what, { "round trips": count, "at most": most }] of Object.entries(found)) {
    assert.ok(count <= most, `${what}: ${count} round trips, at most ${most}`);
  }
});
