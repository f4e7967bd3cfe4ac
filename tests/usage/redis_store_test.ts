import { createRedisUsageStore } from "../../lib/usage/redis_store.ts";
import { runCases } from "../support/contract.ts";
import { topologies } from "../support/redis_topologies.ts";
import { usageStoreContract } from "./store_contract.ts";

for (const topology of ["standalone", "Cluster"]) {
  Deno.test(`RedisUsageStore is a usage store on Redis ${topology}`, async (t) => {
    await using servers = await topologies[topology]!();
    await using redis = await servers.connect();
    let stores = 0;
    await runCases(t, usageStoreContract(), () => {
      let now = Date.now();
      return Promise.resolve({
        store: createRedisUsageStore({ redis, prefix: `t${stores++}`, now: () => now }),
        advance: (ms) => now += ms,
        [Symbol.asyncDispose]: () => Promise.resolve(),
      });
    });
  });
}
