/** Where a contract suite runs: on one server, a Sentinel fleet and a Cluster, all of them real. */
import { createRedis } from "../../lib/redis/client.ts";
import type { RedisOptions } from "../../lib/redis/options.ts";
import type { Redis } from "../../lib/redis/redis.ts";
import { testLog } from "./redis_log.ts";
import { startCluster, startRedis, startSentinel } from "./redis_server.ts";

/** A running Redis of some kind. */
export interface Topology extends AsyncDisposable {
  /** A connection that is up. The caller closes it. */
  connect(): Promise<Redis>;
}

/** The kinds, by name. */
export const topologies: Record<string, () => Promise<Topology>> = {
  async standalone() {
    const server = await startRedis();
    return { ...connecting({ url: server.url }), [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
  },
  async Sentinel() {
    const fleet = await startSentinel();
    const sentinels = fleet.sentinels.map(({ port }) => ({ host: "127.0.0.1", port }));
    const options = { url: `redis://${fleet.name}`, sentinels };
    return { ...connecting(options), [Symbol.asyncDispose]: () => fleet[Symbol.asyncDispose]() };
  },
  async Cluster() {
    const fleet = await startCluster();
    return {
      ...connecting({ url: fleet.url, cluster: true }),
      [Symbol.asyncDispose]: () => fleet[Symbol.asyncDispose](),
    };
  },
};

function connecting(options: Omit<RedisOptions, "log">): Pick<Topology, "connect"> {
  return {
    async connect() {
      const redis = createRedis({ ...options, log: testLog() });
      await redis.whenUp();
      return redis;
    },
  };
}
