/** The stores of a process that stands alone, empty, in a KV that lives in memory. Disposing one closes its KV. */
import { createKvRevocationStore } from "../../lib/auth/kv_revocation_store.ts";
import type { RevocationStore } from "../../lib/auth/revocation_store.ts";
import { createKvChannelStore } from "../../lib/channel/kv_store.ts";
import type { ChannelStore } from "../../lib/channel/store.ts";

/** Opens an empty store of channels. */
export async function openChannelStore(): Promise<ChannelStore & Disposable> {
  const kv = await Deno.openKv(":memory:");
  return Object.assign(createKvChannelStore(kv), { [Symbol.dispose]: () => kv.close() });
}

/** Opens an empty store of revocations; `now` is its clock. */
export async function openRevocationStore(now?: () => number): Promise<RevocationStore & Disposable> {
  const kv = await Deno.openKv(":memory:");
  return { ...await createKvRevocationStore(kv, now && { now }), [Symbol.dispose]: () => kv.close() };
}
