import assert from "node:assert/strict";
import { keyFamily } from "../../lib/redis/keys.ts";
import { createMemoryDict } from "../../lib/redis/memory_dict.ts";
import { createRedisDict } from "../../lib/redis/redis_dict.ts";
import { topologies } from "../support/redis_topologies.ts";
import { dictContract } from "./dict_contract.ts";
import { lockContract } from "./lock_contract.ts";

Deno.test("keyFamily() puts everything under the prefix, on a Cluster with the family's hash tag", () => {
  const isCluster = true;
  assert.equal(keyFamily({ isCluster: false }, "tether", "sessions")("user", "{x}"), "tether:user:{x}");
  assert.equal(keyFamily({ isCluster }, "tether", "sessions")("user", "{x}"), "tether:{sessions}:user:{x}");
  assert.throws(() => keyFamily({ isCluster }, "a{b", "c"), TypeError);
});

Deno.test("the dictionary in memory", (t) => dictContract(t, createMemoryDict));

for (const [name, start] of Object.entries(topologies)) {
  Deno.test(`the dictionary and the lock on Redis ${name}`, async (t) => {
    await using topology = await start();
    await using redis = await topology.connect();
    let dicts = 0;
    await dictContract(t, () => {
      const keys = keyFamily(redis, "tether", `dict${dicts}`);
      return createRedisDict({ redis, keys, name: `d${dicts++}`, batchSize: 100 });
    });

    await t.step("replaceAll() leaves no staged keys behind", async () => {
      const keys = keyFamily(redis, "tether", "tidy");
      await createRedisDict({ redis, keys, name: "tidy" }).replaceAll([["a", 1]]);
      const all = (await redis.sendToMasters(["KEYS", keys("tidy*")])).flat();
      assert.deepEqual(all, [keys("tidy")]);
    });

    await lockContract(t, redis);
  });
}
