// What heartbeats cost: 20,000 sessions of one node, a 30th of them renewed in each second's one write.
// Run: deno run -A bench/renewals.ts
import process from "node:process";
import { batches } from "../lib/batches.ts";
import { createRedis } from "../lib/redis/client.ts";
import { createRedisRosterStore } from "../lib/roster/redis_store.ts";
import { entry, put } from "../tests/roster/records.ts";
import { testLog } from "../tests/support/redis_log.ts";
import { startRedis } from "../tests/support/redis_server.ts";

const SESSIONS = 20_000;
const RENEWED = Math.ceil(SESSIONS / 30);
const RUNS = 30;
const BATCH = 200;

await using server = await startRedis();
await using redis = createRedis({ url: server.url, log: testLog() });
await redis.whenUp();
const store = createRedisRosterStore({ redis, prefix: "bench", savedMs: 120_000 });
const entries = Array.from(
  { length: SESSIONS },
  (_, i) => entry(`s${i}`, { user: `user ${i % 5000}`, leaseMs: 90_000 }),
);
async function write(some: typeof entries): Promise<void> {
  for (const batch of batches(some, BATCH)) await put(store, batch);
}
const filled = performance.now();
await write(entries);
console.log(`All ${SESSIONS} sessions written in ${(performance.now() - filled).toFixed(0)} ms`);

const cpu = process.cpuUsage();
const times: number[] = [];
for (let run = 0; run < RUNS; run++) {
  const start = performance.now();
  await write(entries.slice(run * RENEWED, (run + 1) * RENEWED));
  times.push(performance.now() - start);
}
const { user, system } = process.cpuUsage(cpu);
times.sort((a, b) => a - b);
console.log(
  `${RENEWED} renewals a write: ${times[RUNS / 2]!.toFixed(1)} ms (median), ` +
    `${((user + system) / 1000 / RUNS).toFixed(1)} ms of this node's CPU`,
);
