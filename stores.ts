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
import { createFleet, type Fleet } from "./lib/eventlog/fleet.ts";
import { inFlightMs, MAX_DISCONNECTION_MS } from "./lib/eventlog/recovery.ts";
import { createRedis } from "./lib/redis/client.ts";
import type { Redis } from "./lib/redis/redis.ts";
import { createKvLastActiveStore } from "./lib/roster/kv_last_active_store.ts";
import { createMemoryRosterStore } from "./lib/roster/memory_store.ts";
import { createRedisRosterStore } from "./lib/roster/redis_store.ts";
import type { RosterStore } from "./lib/roster/store.ts";

/** All stores of a process. */
export interface Stores {
  revocations: RevocationStore;
  channels: ChannelStore;
  roster: RosterStore;
  fleet?: Fleet;
  redis?: Redis;
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

/** Makes the stores. With Redis configured, waits for it. */
export function createStores(options: StoresOptions): Promise<Stores> {
  const { redis } = options.config;
  return redis === null ? createOwnStores(options) : createSharedStores(redis, options);
}

async function createOwnStores({ config, kv, log, stack }: StoresOptions): Promise<Stores> {
  const roster = await createMemoryRosterStore({
    savedMs: MAX_DISCONNECTION_MS,
    lastActive: createKvLastActiveStore(kv),
    onError: (error) => log.error("When users were last active could not be written", { error }),
  });
  stack.defer(() => roster.close());
  return {
    roster,
    // a database of our own is a file; the managed one is everybody's
    revocations: await createKvRevocationStore(kv, { exclusive: config.dataDir !== null }),
    channels: createKvChannelStore(kv, { exclusive: config.dataDir !== null }),
    problem: () => undefined,
  };
}

async function createSharedStores(
  { url, cluster, sentinelHosts, sentinelPort, keyPrefix: prefix }: RedisConfig,
  { config, nodeId, log, metrics, stack }: StoresOptions,
): Promise<Stores> {
  const redis = stack.use(createRedis({
    ...{ url, cluster, log },
    sentinels: sentinelHosts.map((host) => addressOf(host, sentinelPort)),
  }));
  await redis.whenUp();
  const roster = createRedisRosterStore({ redis, prefix, savedMs: MAX_DISCONNECTION_MS });
  const fleet = stack.use(
    await createFleet({
      ...{ redis, prefix, nodeId, log, metrics },
      readSaved: (pid) => roster.readSaved(pid),
      inFlightMs: inFlightMs(config),
      maxPayloadBytes: config.maxPayloadBytes,
    }),
  );
  metrics.gauge("tether_redis_up", { help: "Whether Redis can be reached", read: () => Number(redis.isUp) });
  metrics.gauge("tether_peers", { help: "Other nodes that are heard", read: () => fleet.others().length });
  metrics.gauge("tether_degraded", {
    help: "Whether events of other nodes may be missing",
    read: () => Number(fleet.degraded !== undefined),
  });
  return {
    fleet,
    redis,
    revocations: createRedisRevocationStore({ redis, prefix }),
    channels: createRedisChannelStore({ redis, prefix }),
    roster,
    problem: () => redis.isUp ? fleet.degraded : "Redis is away",
  };
}

/** A sentinel, with a port of its own where it names one. */
function addressOf(text: string, defaultPort: number): { host: string; port: number } {
  const { hostname, port } = new URL(`redis://${text}`);
  return { host: hostname.replace(/^\[(.*)\]$/, "$1"), port: Number(port) || defaultPort };
}
