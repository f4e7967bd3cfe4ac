import assert from "node:assert/strict";
import { userId } from "../../lib/protocol/ids.ts";
import { createKvLastActiveStore } from "../../lib/presence/kv_last_active_store.ts";
import { createMemoryPresenceStore } from "../../lib/presence/memory_store.ts";
import { runCases } from "../support/contract.ts";
import { GRACE_MS, presenceStoreContract, type PresenceStoreFixture, session } from "./store_contract.ts";

async function openMemory(): Promise<PresenceStoreFixture> {
  let now = 10_000;
  const store = await createMemoryPresenceStore({ graceMs: GRACE_MS, now: () => now });
  return { store, advance: (ms) => now += ms, [Symbol.asyncDispose]: () => store.close() };
}

async function openKv(): Promise<PresenceStoreFixture> {
  let now = 10_000;
  const kv = await Deno.openKv(":memory:");
  const lastActive = createKvLastActiveStore(kv);
  const store = await createMemoryPresenceStore({ graceMs: GRACE_MS, now: () => now, lastActive });
  return {
    store,
    advance: (ms) => now += ms,
    async [Symbol.asyncDispose]() {
      await store.close();
      kv.close();
    },
  };
}

Deno.test("MemoryPresenceStore is a presence store", async (t) => {
  await runCases(t, presenceStoreContract(), openMemory);
});

Deno.test("MemoryPresenceStore over Deno KV is a presence store", async (t) => {
  await runCases(t, presenceStoreContract(), openKv);
});

Deno.test("MemoryPresenceStore over Deno KV shows last activity after a restart", async () => {
  using kv = await Deno.openKv(":memory:");
  const open = () =>
    createMemoryPresenceStore({ graceMs: GRACE_MS, lastActive: createKvLastActiveStore(kv) });
  const before = await open();
  await before.put([session("s1", "ada")]);
  await before.close();
  const after = await open();
  assert.deepEqual(await after.read([userId("ada")]), [
    { id: "ada", name: "ADA", status: "offline", lastActiveAt: 1_000 },
  ]);
  await after.close();
});

Deno.test("KvLastActiveStore keeps more users than one commit takes", async () => {
  using kv = await Deno.openKv(":memory:");
  const store = createKvLastActiveStore(kv);
  const seen = Array.from({ length: 1_200 }, (_, at) => ({ id: userId(`u${at}`), name: "N", at }));
  await store.save(seen);
  assert.equal((await store.load()).length, 1_200);
  await store.forget(seen.map(({ id }) => id));
  assert.deepEqual(await store.load(), []);
});
