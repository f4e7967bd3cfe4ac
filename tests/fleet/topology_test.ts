/** Whole fleets on Sentinel, over a failover, and on a Cluster. */
import assert from "node:assert/strict";
import { apiClient } from "../support/api.ts";
import { SERVICE_TOKEN } from "../support/fleet.ts";
import { type Person, person } from "../support/people.ts";
import { startCluster, startSentinel } from "../support/redis_server.ts";
import { startTether, TEST_SECRET } from "../support/tether_process.ts";
import { until } from "../support/until.ts";

const BASE = { JWT_SECRET: TEST_SECRET, SERVICE_TOKEN, WEBSOCKET_HEARTBEAT_INTERVAL: "5" };

/** Sends to everybody from `url`, and waits until both have it. */
async function tell(url: string, people: Person[], text: string): Promise<void> {
  const heard = people.map(({ client }) => client.next("events"));
  const { status, body } = await apiClient(url, SERVICE_TOKEN)("POST /api/events", {
    to: { userIds: people.map(({ id }) => id) },
    ...{ chat_id: "c", message_id: "m", data: { type: "status", data: text } },
  });
  assert.deepEqual([status, body], [200, { sessions: people.length }]);
  await Promise.all(heard);
}

async function isReady(url: string): Promise<boolean> {
  const response = await fetch(`${url}/readyz`);
  await response.body?.cancel();
  return response.ok;
}

Deno.test("a fleet on Redis Sentinel goes on after a failover, with all its sessions", async () => {
  await using sentinel = await startSentinel();
  const env = {
    ...BASE,
    WEBSOCKET_REDIS_URL: `redis://${sentinel.name}`,
    WEBSOCKET_SENTINEL_HOSTS: sentinel.sentinels.map(({ port }) => `127.0.0.1:${port}`).join(),
  };
  await using one = await startTether({ env });
  await using two = await startTether({ env });
  await using ada = await person(one.url, "ada");
  await using bob = await person(two.url, "bob");
  await tell(one.url, [ada, bob], "before");
  const connected = [ada, bob].map(({ client }) => client.socket);

  await sentinel.failover();
  await until(async () => await isReady(one.url) && await isReady(two.url), {
    what: "both nodes to be ready",
  });
  await until(async () => (await ada.api("GET /api/presence")).body?.users?.length === 2);
  await tell(two.url, [ada, bob], "after");
  assert.ok(connected.every((socket) => socket.connected));
});

Deno.test("a fleet on a Redis Cluster", async () => {
  await using cluster = await startCluster();
  const env = { ...BASE, WEBSOCKET_REDIS_URL: cluster.url, WEBSOCKET_REDIS_CLUSTER: "true" };
  await using one = await startTether({ env });
  await using two = await startTether({ env });
  await using ada = await person(one.url, "ada");
  await using bob = await person(two.url, "bob");
  await tell(two.url, [ada, bob], "a");
  const { users } = await ada.client.ask("presence:list", {}) as unknown as { users: { id: string }[] };
  assert.deepEqual(users.map(({ id }) => id).toSorted(), ["ada", "bob"]);
  const heard = bob.client.next("events:channel");
  await ada.client.ask("events:channel", {
    channel_id: "general",
    data: { type: "message", data: { content: "hello" } },
  });
  await heard;
});
