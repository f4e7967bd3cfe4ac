/** Last-active times in Deno KV, under `["last_active", userId]`; written in batches only. */
import type { UserId } from "../protocol/ids.ts";
import type { LastActiveStore, Seen } from "./store.ts";

const PREFIX = "last_active";
// Deno KV allows 1,000 mutations and 800 KiB in one commit
const BATCH = 500;

/** Makes the store; the caller keeps and closes `kv`. */
export function createKvLastActiveStore(kv: Deno.Kv): LastActiveStore {
  return {
    async load() {
      const seen: Seen[] = [];
      for await (const entry of kv.list<Omit<Seen, "id">>({ prefix: [PREFIX] }, { batchSize: BATCH })) {
        seen.push({ id: entry.key[1] as UserId, ...entry.value });
      }
      return seen;
    },
    async save(seen) {
      for (let start = 0; start < seen.length; start += BATCH) {
        const batch = kv.atomic();
        for (const { id, name, at } of seen.slice(start, start + BATCH)) {
          batch.set([PREFIX, id], { name, at });
        }
        await batch.commit();
      }
    },
    async forget(userIds) {
      for (let start = 0; start < userIds.length; start += BATCH) {
        const batch = kv.atomic();
        for (const id of userIds.slice(start, start + BATCH)) batch.delete([PREFIX, id]);
        await batch.commit();
      }
    },
  };
}
