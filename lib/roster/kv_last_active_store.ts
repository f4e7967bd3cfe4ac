/** Last-active times in Deno KV, under `["last_active", userId]`; written in batches only. */
import { batches } from "../batches.ts";
import type { UserId } from "../protocol/ids.ts";
import type { LastActiveStore, Seen } from "./store.ts";

const PREFIX = "last_active";
// Deno KV allows 1,000 mutations and 800 KiB in one commit
const BATCH = 500;

/** The caller keeps and closes `kv`. */
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
      for (const some of batches([...seen], BATCH)) {
        const batch = kv.atomic();
        for (const [id, user] of some) {
          if (user) batch.set([PREFIX, id], { name: user.name, at: user.at });
          else batch.delete([PREFIX, id]);
        }
        await batch.commit();
      }
    },
  };
}
