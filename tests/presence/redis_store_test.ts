import { createRedisPresenceStore } from "../../lib/presence/redis_store.ts";
import { runCases } from "../support/contract.ts";
import { topologies } from "../support/redis_topologies.ts";
import { GRACE_MS, presenceStoreContract } from "./store_contract.ts";

for (const topology of ["standalone", "Cluster"]) {
  Deno.test(`RedisPresenceStore is a presence store on Redis ${topology}`, async (t) => {
    await using servers = await topologies[topology]!();
    await using redis = await servers.connect();
    let stores = 0;
    await runCases(t, presenceStoreContract(), () => {
      let now = 10_000;
      return Promise.resolve({
        store: createRedisPresenceStore({
          redis,
          prefix: `t${stores++}`,
          graceMs: GRACE_MS,
          now: () => now,
        }),
        advance: (ms) => now += ms,
        [Symbol.asyncDispose]: () => Promise.resolve(),
      });
    });
  });
}
