import assert from "node:assert/strict";
import { keyFamily } from "../../lib/redis/keys.ts";
import { topologies } from "../support/redis_topologies.ts";
import { lockContract } from "./lock_contract.ts";

Deno.test("keyFamily() puts everything under the prefix, on a Cluster with the family's hash tag", () => {
  const isCluster = true;
  assert.equal(keyFamily({ isCluster: false }, "tether", "sessions")("user", "{x}"), "tether:user:{x}");
  assert.equal(keyFamily({ isCluster }, "tether", "sessions")("user", "{x}"), "tether:{sessions}:user:{x}");
  assert.throws(() => keyFamily({ isCluster }, "a{b", "c"), TypeError);
});

for (const [name, start] of Object.entries(topologies)) {
  Deno.test(`the lock on Redis ${name}`, async (t) => {
    await using topology = await start();
    await using redis = await topology.connect();
    await lockContract(t, redis);
  });
}
