// What heartbeats cost: 20,000 sessions of one node, a 30th of them renewed in each second's one write.
// Run: deno run -A bench/renewals.ts
import process from "node:process";
import { createRedis } from "../lib/redis/client.ts";
import { createRedisSessionStore } from "../lib/session/redis_store.ts";
import { record } from "../tests/session/records.ts";
import { testLog } from "../tests/support/redis_log.ts";
import { startRedis } from "../tests/support/redis_server.ts";

const SESSIONS = 20_000;
const RENEWED = Math.ceil(SESSIONS / 30);
const RUNS = 30;

await using server = await startRedis();
await using redis = createRedis({ url: server.url, log: testLog() });
await redis.whenUp();
const store = createRedisSessionStore({ redis, prefix: "bench" });
const entries = Array.from({ length: SESSIONS }, (_, i) => ({
  record: record(`s${i}`, { user: `user ${i % 5000}` }),
  leaseUntil: Date.now() + 90_000,
}));
const filled = performance.now();
await store.put(entries);
console.log(`All ${SESSIONS} sessions written in ${(performance.now() - filled).toFixed(0)} ms`);

const cpu = process.cpuUsage();
const times: number[] = [];
for (let run = 0; run < RUNS; run++) {
  const start = performance.now();
  await store.put(entries.slice(run * RENEWED, (run + 1) * RENEWED));
  times.push(performance.now() - start);
}
const { user, system } = process.cpuUsage(cpu);
times.sort((a, b) => a - b);
console.log(
  `${RENEWED} renewals a write: ${times[RUNS / 2]!.toFixed(1)} ms (median), ` +
    `${((user + system) / 1000 / RUNS).toFixed(1)} ms of this node's CPU`,
);
