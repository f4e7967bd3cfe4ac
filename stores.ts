/** Where everything is kept: by this process alone, in memory and Deno KV, or in Redis by all nodes of a fleet. */
import { createKvRevocationStore } from "./lib/auth/kv_revocation_store.ts";
import { createRedisRevocationStore } from "./lib/auth/redis_revocation_store.ts";
import type { RevocationStore } from "./lib/auth/revocation_store.ts";
import { createKvChannelStore } from "./lib/channel/kv_store.ts";
import { createRedisChannelStore } from "./lib/channel/redis_store.ts";
import type { ChannelStore } from "./lib/channel/store.ts";
import type { Config, RedisConfig } from "./lib/config.ts";
import type { Log } from "./lib/log.ts";
import type { Metrics } from "./lib/metrics.ts";
import { createKvLastActiveStore } from "./lib/presence/kv_last_active_store.ts";
import { createMemoryPresenceStore } from "./lib/presence/memory_store.ts";
import { createRedisPresenceStore } from "./lib/presence/redis_store.ts";
import type { PresenceStore } from "./lib/presence/store.ts";
import { createFleet, type Fleet } from "./lib/eventlog/fleet.ts";
import { inFlightMs } from "./lib/eventlog/recovery.ts";
import { createRedis } from "./lib/redis/client.ts";
import { keyFamily } from "./lib/redis/keys.ts";
import { createRedisLock } from "./lib/redis/lock.ts";
import { createMemorySessionStore } from "./lib/session/memory_store.ts";
import type { ReaperLock } from "./lib/session/reaper.ts";
import { createRedisSessionStore, SESSION_FAMILY } from "./lib/session/redis_store.ts";
import type { SessionStore } from "./lib/session/store.ts";
import { createMemoryUsageStore } from "./lib/usage/memory_store.ts";
import { createRedisUsageStore } from "./lib/usage/redis_store.ts";
import type { UsageStore } from "./lib/usage/store.ts";

/** All stores of a process. */
export interface Stores {
  revocations: RevocationStore;
  presence: PresenceStore;
  channels: ChannelStore;
  usage: UsageStore;
  sessions: SessionStore;
  /** Only in a fleet, where one node reaps at a time. */
  reaperLock?: ReaperLock;
  fleet?: Fleet;
  /** What is missing for this node to serve; `undefined` when nothing is. */
  problem(): string | undefined;
}

/** Options of {@linkcode createStores}. */
export interface StoresOptions {
  config: Config;
  nodeId: string;
  kv: Deno.Kv;
  log: Log;
  metrics: Metrics;
  /** Gets what has to be closed. */
  stack: AsyncDisposableStack;
}

// a reaper that dies does not keep the others from reaping for long
const REAPER_LOCK_MS = 5000;

/** Makes the stores. With Redis configured, waits for it. */
export function createStores(options: StoresOptions): Promise<Stores> {
  const { redis } = options.config;
  return redis === null ? createOwnStores(options) : createSharedStores(redis, options);
}

async function createOwnStores({ config, kv, stack }: StoresOptions): Promise<Stores> {
  const presence = await createMemoryPresenceStore({
    graceMs: config.presenceGraceMs,
    lastActive: createKvLastActiveStore(kv),
  });
  stack.defer(() => presence.close());
  return {
    presence,
    sessions: createMemorySessionStore(),
    // a database of our own is a file; the managed one is everybody's
    revocations: await createKvRevocationStore(kv, { exclusive: config.dataDir !== null }),
    channels: createKvChannelStore(kv, { exclusive: config.dataDir !== null }),
    usage: createMemoryUsageStore(),
    problem: () => undefined,
  };
}

async function createSharedStores(
  { url, cluster, sentinelHosts, sentinelPort, keyPrefix: prefix, lockTimeoutMs }: RedisConfig,
  { config, nodeId, log, metrics, stack }: StoresOptions,
): Promise<Stores> {
  const redis = stack.use(createRedis({
    ...{ url, cluster, log },
    sentinels: sentinelHosts.map((host) => addressOf(host, sentinelPort)),
  }));
  await redis.whenUp();
  const fleet = stack.use(
    await createFleet({
      ...{ redis, prefix, nodeId, log, metrics },
      inFlightMs: inFlightMs(config),
      maxPayloadBytes: config.maxPayloadBytes,
    }),
  );
  metrics.gauge("tether_redis_up", { help: "Whether Redis can be reached", read: () => Number(redis.isUp) });
  metrics.gauge("tether_degraded", {
    help: "Whether events of other nodes may be missing",
    read: () => Number(fleet.degraded !== undefined),
  });
  return {
    fleet,
    revocations: createRedisRevocationStore({ redis, prefix }),
    presence: createRedisPresenceStore({ redis, prefix, graceMs: config.presenceGraceMs }),
    channels: createRedisChannelStore({ redis, prefix }),
    usage: createRedisUsageStore({ redis, prefix }),
    sessions: createRedisSessionStore({ redis, prefix }),
    reaperLock: createRedisLock({
      ...{ redis, log },
      key: keyFamily(redis, prefix, SESSION_FAMILY)("lock", "reaper"),
      ttlMs: Math.min(lockTimeoutMs, REAPER_LOCK_MS),
    }),
    problem: () => redis.isUp ? fleet.degraded : "Redis is away",
  };
}

/** A sentinel, with a port of its own where it names one. */
function addressOf(text: string, defaultPort: number): { host: string; port: number } {
  const { hostname, port } = new URL(`redis://${text}`);
  return { host: hostname.replace(/^\[(.*)\]$/, "$1"), port: Number(port) || defaultPort };
}
