// The longest time that a sweep keeps the event loop: 20,000 sessions of which 1,000 expire, on a real Redis.
// Run: deno run -A tests/bench/reaper.ts
import process from "node:process";
import { setImmediate } from "node:timers";
import { batches } from "../../lib/batches.ts";
import { nodeId } from "../../lib/protocol/ids.ts";
import { createRedis } from "../../lib/redis/client.ts";
import { createMemoryRosterStore } from "../../lib/roster/memory_store.ts";
import { createRoster } from "../../lib/roster/node_roster.ts";
import { createRedisRosterStore } from "../../lib/roster/redis_store.ts";
import type { RosterStore } from "../../lib/roster/store.ts";
import { entry, put } from "../roster/records.ts";
import { testLog } from "../support/redis_log.ts";
import { startRedis } from "../support/redis_server.ts";

const SESSIONS = 20_000;
const EXPIRED = 1_000;
const RUNS = 5;

interface Block {
  /** By the clock on the wall, in milliseconds: also what other processes took of the machine. */
  wallMs: number;
  /** By this process's own work, in milliseconds. */
  cpuMs: number;
}

/** The longest turns of the event loop while `fn` runs. */
async function longestBlock(fn: () => Promise<unknown>): Promise<Block> {
  const longest = { wallMs: 0, cpuMs: 0 };
  let [wall, cpu] = [performance.now(), cpuNow()];
  let isDone = false;
  const watching = new Promise<void>((resolve) => {
    setImmediate(function turn() {
      longest.wallMs = Math.max(longest.wallMs, performance.now() - wall);
      longest.cpuMs = Math.max(longest.cpuMs, cpuNow() - cpu);
      [wall, cpu] = [performance.now(), cpuNow()];
      if (isDone) resolve();
      else setImmediate(turn);
    });
  });
  await fn();
  isDone = true;
  await watching;
  return longest;
}

function cpuNow(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

async function measure(name: string, create: (now: () => number) => Promise<RosterStore>): Promise<void> {
  let now = Date.now();
  const store = await create(() => now);
  await using roster = createRoster({
    ...{ store, nodeId: nodeId("bench"), log: testLog(), now: () => now },
    ...{ leaseMs: 1e9, graceMs: 0, nodeLeaseMs: 1e9, tickMs: 1e9 },
  });
  let reaped = 0, offline = 0;
  roster.onGone((records) => reaped += records.length);
  roster.onChange((changes) => offline += changes.length);
  const entries = Array.from(
    { length: SESSIONS },
    (_, i) => entry(`s${i}`, { user: `user ${i % 5000}`, leaseMs: 1e9 }),
  );
  for (const batch of batches(entries, 200)) await put(store, batch);
  for (let run = 1; run <= RUNS; run++) {
    const ending = entries.filter((_, i) => i % 5000 < EXPIRED * 5000 / SESSIONS);
    for (const batch of batches(ending, 200)) {
      await put(store, batch.map((entry) => ({ ...entry, leaseMs: 1 })));
    }
    now += 1;
    reaped = offline = 0;
    const start = performance.now();
    const block = await longestBlock(() => roster.sweep());
    const totalMs = performance.now() - start;
    console.log(
      `${name}, run ${run}: ${reaped} of ${SESSIONS} sessions and the last of ${offline} users swept in ${
        totalMs.toFixed(0)
      } ms, ` +
        `longest block ${block.cpuMs.toFixed(1)} ms of its own work, ${
          block.wallMs.toFixed(1)
        } ms by the clock`,
    );
  }
}

await using server = await startRedis();
await using redis = createRedis({ url: server.url, log: testLog() });
await redis.whenUp();
const idle = await longestBlock(() => new Promise((resolve) => setTimeout(resolve, 500)));
console.log(
  `idle: longest block ${idle.cpuMs.toFixed(1)} ms of its own, ${idle.wallMs.toFixed(1)} ms by the clock`,
);
await measure(
  "Redis",
  (now) => Promise.resolve(createRedisRosterStore({ redis, prefix: "bench", savedMs: 1, now })),
);
await measure("memory", (now) => createMemoryRosterStore({ savedMs: 1, now }));
