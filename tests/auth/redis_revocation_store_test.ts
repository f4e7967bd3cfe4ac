import assert from "node:assert/strict";
import { createRedisRevocationStore } from "../../lib/auth/redis_revocation_store.ts";
import { userId } from "../../lib/protocol/ids.ts";
import { keyFamily } from "../../lib/redis/keys.ts";
import type { Reply } from "../../lib/redis/redis.ts";
import { topologies } from "../support/redis_topologies.ts";
import { identity, testRevocationStore } from "./revocation_store_contract.ts";

for (const [name, start] of Object.entries(topologies)) {
  Deno.test(`revocations on Redis ${name}`, async (t) => {
    await using topology = await start();
    await using redis = await topology.connect();
    let opened = 0;
    const open = () =>
      Promise.resolve({
        store: createRedisRevocationStore({ redis, prefix: `t${opened++}` }),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      });
    const steps: [string, () => Promise<void>][] = [];
    testRevocationStore("the contract", open, (name, run) => steps.push([name, run]));
    for (const [name, run] of steps) await t.step(name, run);

    await t.step("every key lives as long as what it revokes, and no longer", async () => {
      const { store } = await open();
      await store.revokeToken("t1", Date.now() + 50_000);
      await store.revokeUser(userId("ada"), { beforeMs: Date.now(), untilMs: Date.now() + 20_000 });
      await store.revokeUser(userId("ada"), { beforeMs: Date.now(), untilMs: Date.now() + 10_000 });
      const ttl = async (...key: string[]): Promise<Reply> =>
        await redis.send(["PTTL", keyFamily(redis, `t${opened - 1}`, "revoked")("revoked", ...key)]);
      assert.ok(Math.abs(await ttl("token", "t1") as number - 50_000) < 2000);
      assert.ok(Math.abs(await ttl("user", "ada") as number - 20_000) < 2000);
      assert.deepEqual(await store.areRevoked([identity("ada", "t2", { issuedAt: 0 })]), [true]);
    });
  });
}
