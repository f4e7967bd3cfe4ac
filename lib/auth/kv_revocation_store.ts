/** Revocations in Deno KV: they outlive the process, on one node. */
import { isOlder, laterMark, type RevocationStore, type UserMark } from "./revocation_store.ts";

/** Options of {@linkcode createKvRevocationStore}. */
export interface KvRevocationStoreOptions {
  /** The clock, epoch milliseconds. */
  now?: () => number;
}

// what Deno KV reads at once
const READ_BATCH = 10;

/** Makes a {@linkcode RevocationStore} in `kv`, which stays its owner's to close. */
export function createKvRevocationStore(
  kv: Deno.Kv,
  options: KvRevocationStoreOptions = {},
): RevocationStore {
  const { now = Date.now } = options;
  const tokenKey = (jti: string) => ["revoked", "token", jti];
  const userKey = (id: string) => ["revoked", "user", id];

  /** Writes what `merge` makes of the value that is there; again when somebody else wrote in between. */
  async function update<T>(key: Deno.KvKey, merge: (kept: T | undefined) => { value: T; untilMs: number }) {
    for (;;) {
      const kept = await kv.get<T>(key);
      const { value, untilMs } = merge(kept.value ?? undefined);
      const expireIn = untilMs - now();
      if (expireIn <= 0) return;
      const result = await kv.atomic().check(kept).set(key, value, { expireIn }).commit();
      if (result.ok) return;
    }
  }

  async function read(keys: Deno.KvKey[]): Promise<unknown[]> {
    const batches = [];
    for (let start = 0; start < keys.length; start += READ_BATCH) {
      batches.push(kv.getMany<unknown[]>(keys.slice(start, start + READ_BATCH)));
    }
    return (await Promise.all(batches)).flat().map((entry) => entry.value);
  }

  return {
    async revokeToken(jti, untilMs) {
      await update<number>(tokenKey(jti), (kept = 0) => {
        const value = Math.max(untilMs, kept);
        return { value, untilMs: value };
      });
    },
    async revokeUser(id, mark) {
      await update<UserMark>(userKey(id), (kept) => {
        const value = laterMark(mark, kept);
        return { value, untilMs: value.untilMs };
      });
    },
    async areRevoked(identities) {
      const nowMs = now();
      const values = await read(identities.flatMap(({ jti, user }) => [tokenKey(jti), userKey(user.id)]));
      // KV drops an expired entry some time later, so what it gives may be over
      return identities.map(({ issuedAt }, index) => {
        const untilMs = values[2 * index] as number | null;
        const mark = values[2 * index + 1] as UserMark | null;
        return (untilMs !== null && untilMs > nowMs) ||
          (mark !== null && mark.untilMs > nowMs && isOlder(issuedAt, mark.beforeMs));
      });
    },
  };
}
