// The longest time that a sweep keeps the event loop: 20,000 sessions of which 1,000 expire, on a real Redis.
// Run: deno run -A tests/bench/reaper.ts
import process from "node:process";
import { setImmediate } from "node:timers";
import { createRedis } from "../../lib/redis/client.ts";
import { createMemorySessionStore } from "../../lib/session/memory_store.ts";
import { createReaper } from "../../lib/session/reaper.ts";
import { createRedisSessionStore } from "../../lib/session/redis_store.ts";
import type { SessionStore } from "../../lib/session/store.ts";
import { record } from "../session/records.ts";
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

async function measure(name: string, create: (now: () => number) => SessionStore): Promise<void> {
  let now = Date.now();
  const store = create(() => now);
  await using reaper = createReaper({ store, log: testLog(), intervalMs: 1e9 });
  const entries = Array.from({ length: SESSIONS }, (_, i) => ({
    record: record(`s${i}`, { user: `user ${i % 5000}` }),
    leaseUntil: now + 1e9,
  }));
  for (let i = 0; i < SESSIONS; i += 500) await store.put(entries.slice(i, i + 500));
  for (let run = 1; run <= RUNS; run++) {
    await store.put(entries.slice(0, EXPIRED).map((entry) => ({ ...entry, leaseUntil: now + 1 })));
    now += 1;
    const start = performance.now();
    let reaped = 0;
    const block = await longestBlock(async () => reaped = await reaper.sweep());
    const totalMs = performance.now() - start;
    console.log(
      `${name}, run ${run}: ${reaped} of ${SESSIONS} sessions swept in ${totalMs.toFixed(0)} ms, ` +
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
await measure("Redis", (now) => createRedisSessionStore({ redis, prefix: "bench", now }));
await measure("memory", (now) => createMemorySessionStore({ now }));
