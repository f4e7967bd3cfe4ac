import assert from "node:assert/strict";
import { createKvRevocationStore } from "../../lib/auth/kv_revocation_store.ts";
import { userId } from "../../lib/protocol/ids.ts";
import { openRevocationStore } from "../support/kv_stores.ts";
import { identity, testRevocationStore } from "./revocation_store_contract.ts";

for (const [name, options] of [["KV", {}], ["KV, asked at every use", { exclusive: false }]] as const) {
  testRevocationStore(name, async () => {
    const kv = await Deno.openKv(":memory:");
    return {
      store: await createKvRevocationStore(kv, options),
      [Symbol.asyncDispose]: () => Promise.resolve(kv.close()),
    };
  });
}

Deno.test("KV forgets a revocation once the last revoked token has run out", async () => {
  const start = Date.now();
  let nowMs = start;
  using store = await openRevocationStore(() => nowMs);
  await store.revokeToken("t1", start + 60_000);
  await store.revokeUser(userId("ada"), { beforeMs: start, untilMs: start + 60_000 });
  const asked = [identity("bob", "t1"), identity("ada", "t2", { issuedAt: start })];
  nowMs = start + 59_999;
  assert.deepEqual(await store.areRevoked(asked), [true, true]);
  nowMs = start + 60_000;
  assert.deepEqual(await store.areRevoked(asked), [false, false]);
});

Deno.test("KV keeps revocations over a restart", async () => {
  const directory = await Deno.makeTempDir();
  try {
    {
      using kv = await Deno.openKv(`${directory}/kv`);
      const store = await createKvRevocationStore(kv);
      await store.revokeToken("t1", Date.now() + 60_000);
      await store.revokeUser(userId("bob"), { beforeMs: Date.now(), untilMs: Date.now() + 60_000 });
    }
    using kv = await Deno.openKv(`${directory}/kv`);
    const store = await createKvRevocationStore(kv);
    assert.deepEqual(await store.areRevoked([identity("ada", "t1")]), [true]);
    assert.deepEqual(await store.areRevoked([identity("bob", "t2", { issuedAt: 0 })]), [true]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("KV copies no more revocations than it may, and forgets none", async () => {
  using kv = await Deno.openKv(":memory:");
  let nowMs = Date.now();
  const store = await createKvRevocationStore(kv, { maxCopied: 3, now: () => nowMs });
  const asked = [0, 1, 2, 3, 4].map((n) => identity("ada", `t${n}`));
  await store.revokeToken("t0", nowMs + 1000);
  await store.revokeToken("t1", nowMs + 60_000);
  await store.revokeUser(userId("bob"), { beforeMs: nowMs, untilMs: nowMs + 60_000 });
  nowMs += 1000;
  await store.revokeToken("t2", nowMs + 60_000);
  assert.deepEqual(await store.areRevoked(asked), [false, true, true, false, false]);
  await store.revokeToken("t3", nowMs + 60_000);
  assert.deepEqual(await store.areRevoked(asked), [false, true, true, true, false]);
  const later = await createKvRevocationStore(kv, { maxCopied: 3, now: () => nowMs });
  assert.deepEqual(await later.areRevoked(asked), [false, true, true, true, false]);
});
