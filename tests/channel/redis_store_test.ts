import { createRedisChannelStore } from "../../lib/channel/redis_store.ts";
import { runCases } from "../support/contract.ts";
import { topologies } from "../support/redis_topologies.ts";
import { channelStoreContract } from "./store_contract.ts";

for (const topology of ["standalone", "Cluster"]) {
  Deno.test(`RedisChannelStore is a channel store on Redis ${topology}`, async (t) => {
    await using servers = await topologies[topology]!();
    await using redis = await servers.connect();
    let stores = 0;
    await runCases(t, channelStoreContract(), () =>
      Promise.resolve({
        store: createRedisChannelStore({ redis, prefix: `t${stores++}` }),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      }));
  });
}
