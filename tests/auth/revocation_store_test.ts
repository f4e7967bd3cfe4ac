import assert from "node:assert/strict";
import { createKvRevocationStore } from "../../lib/auth/kv_revocation_store.ts";
import { createMemoryRevocationStore } from "../../lib/auth/memory_revocation_store.ts";
import { userId } from "../../lib/protocol/ids.ts";
import { identity, testRevocationStore } from "./revocation_store_contract.ts";

testRevocationStore("memory", () => {
  return Promise.resolve({
    store: createMemoryRevocationStore(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
});

testRevocationStore("KV", async () => {
  const kv = await Deno.openKv(":memory:");
  return {
    store: createKvRevocationStore(kv),
    [Symbol.asyncDispose]: () => Promise.resolve(kv.close()),
  };
});

Deno.test("memory and KV forget a revocation once the last revoked token has run out", async () => {
  using kv = await Deno.openKv(":memory:");
  const start = Date.now();
  let nowMs = start;
  const now = () => nowMs;
  for (const store of [createMemoryRevocationStore({ now }), createKvRevocationStore(kv, { now })]) {
    nowMs = start;
    await store.revokeToken("t1", start + 60_000);
    await store.revokeUser(userId("ada"), { beforeMs: start, untilMs: start + 60_000 });
    const asked = [identity("bob", "t1"), identity("ada", "t2", { issuedAt: start })];
    nowMs = start + 59_999;
    assert.deepEqual(await store.areRevoked(asked), [true, true]);
    nowMs = start + 60_000;
    assert.deepEqual(await store.areRevoked(asked), [false, false]);
  }
});

Deno.test("memory holds no more revocations than it may", async () => {
  const store = createMemoryRevocationStore({ max: 10 });
  const untilMs = Date.now() + 60_000;
  for (let n = 0; n < 11; n++) await store.revokeToken(`t${n}`, untilMs);
  const revoked = await store.areRevoked([
    identity("ada", "t0"),
    identity("ada", "t1"),
    identity("ada", "t10"),
  ]);
  assert.deepEqual(revoked, [false, true, true]);
});

Deno.test("KV keeps revocations over a restart", async () => {
  const directory = await Deno.makeTempDir();
  try {
    {
      using kv = await Deno.openKv(`${directory}/kv`);
      await createKvRevocationStore(kv).revokeToken("t1", Date.now() + 60_000);
    }
    using kv = await Deno.openKv(`${directory}/kv`);
    assert.deepEqual(await createKvRevocationStore(kv).areRevoked([identity("ada", "t1")]), [true]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
