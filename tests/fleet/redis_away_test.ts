/** Redis going away and coming back, with and without what it held: no connection is lost, and nothing stays missing. */
import assert from "node:assert/strict";
import { createRedis } from "../../lib/redis/client.ts";
import { apiClient } from "../support/api.ts";
import { SERVICE_TOKEN, startFleet } from "../support/fleet.ts";
import { type LightClient, lightClient, lightClients } from "../support/light_client.ts";
import { person } from "../support/people.ts";
import { testLog } from "../support/redis_log.ts";
import { testToken } from "../support/tokens.ts";
import { until } from "../support/until.ts";

const AWAY_MS = 10_000;
const SESSIONS = 200;
const WITHIN_MS = 5_000;

Deno.test("Redis away for 10 s, and back, empty or with its data", async () => {
  // both at once: it is mostly waiting
  const [empty, whole] = await Promise.allSettled([goAway({ empty: true }), goAway({ empty: false })]);
  for (const outcome of [empty!, whole!]) if (outcome.status === "rejected") throw outcome.reason;
});

async function goAway({ empty }: { empty: boolean }): Promise<void> {
  const how = empty ? "empty" : "with its data";
  // one of the two admits whom it cannot look up
  const whenDown = empty ? "refuse" : "admit";
  await using fleet = await startFleet({
    nodes: 2,
    redis: { persist: true },
    env: { SESSIONS_PER_USER: "1000", AUTH_WHEN_STORE_DOWN: whenDown },
  });
  await using ada = await person(fleet.nodes[0]!.url, "ada");
  await using bob = await person(fleet.nodes[0]!.url, "bob");
  await ada.client.ask("presence:list", {});
  const token = await testToken({ claims: { sub: "many", name: "Many" } });
  const clients: LightClient[] = await lightClients(
    SESSIONS,
    (n) => lightClient(fleet.nodes[n % 2]!.url, token),
  );
  let lost = 0;
  for (const { ended } of clients) void ended.then(() => lost++);
  const since = ada.heard.length;

  await fleet.redis.stop("SIGKILL");
  const awaySince = performance.now();
  const degraded = bob.client.next("session:degraded");

  // what is local goes on
  const heard = bob.client.next("events");
  const answer = await apiClient(fleet.nodes[0]!.url, SERVICE_TOKEN)("POST /api/events", {
    to: { userIds: ["bob"] },
    ...{ chat_id: "c", message_id: "m", data: { type: "status" } },
  });
  assert.deepEqual([answer.status, answer.body], [200, { sessions: 1 }]);
  await heard;
  assert.deepEqual(await fleet.readiness(0), { ready: false, reason: "Redis is away" });
  assert.deepEqual(await degraded, { degraded: true });
  const late = lightClient(fleet.nodes[1]!.url, token);
  if (whenDown === "refuse") await assert.rejects(late, /server\/unavailable/);
  else clients.push(await late);
  await new Promise((resolve) => setTimeout(resolve, AWAY_MS - (performance.now() - awaySince)));

  const whole = bob.client.next("session:degraded");
  await fleet.redis.start({ empty });
  const backSince = performance.now();
  await using redis = createRedis({ url: fleet.redis.url, log: testLog() });
  await redis.whenUp();
  const count = (...command: string[]) => async (): Promise<number> => Number(await redis.send(command));
  const all = clients.length + 2;
  const sessions = count("HLEN", "tether:session_pool");
  const ofUsers = ["ada", "bob", "many"].map((user) => count("HLEN", `tether:user_sessions:${user}`));
  const present = async (): Promise<number> =>
    (await Promise.all(ofUsers.map((count) => count()))).reduce((sum, count) => sum + count);
  await until(async () => await sessions() === all && await present() === all, {
    what: "all to be written",
  });
  const tookMs = performance.now() - backSince;
  console.log(`Redis came back ${how}: sessions and presence were whole after ${Math.round(tookMs)} ms`);
  assert.ok(tookMs < WITHIN_MS, `${tookMs} ms`);
  assert.deepEqual(await whole, { degraded: false });
  await until(async () => (await fleet.readiness(0)).ready && (await fleet.readiness(1)).ready);

  assert.equal(lost, 0);
  const { users } = await ada.client.ask("presence:list", {}) as unknown as {
    users: { id: string; status: string }[];
  };
  assert.deepEqual(
    users.map(({ id, status }) => `${id} ${status}`).toSorted(),
    ["ada online", "bob online", "many online"],
  );
  assert.deepEqual(ada.heard.slice(since).filter(([name]) => name === "presence:change"), []);
  // and the nodes hear each other again
  const across = bob.client.next("events");
  await apiClient(fleet.nodes[1]!.url, SERVICE_TOKEN)("POST /api/events", {
    to: { userIds: ["bob"] },
    ...{ chat_id: "c", message_id: "m", data: { type: "status" } },
  });
  await across;
  for (const { output } of fleet.nodes) assert.doesNotMatch(output, /unhandled|uncaught|Unhandled/);
  await Promise.all(clients.map((client) => client.close()));
}
