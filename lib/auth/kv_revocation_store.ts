/**
 * Revocations in Deno KV: they outlive the process, on one node. A copy in memory answers, so that a handshake waits
 * for no disk; it is right as long as this process alone writes them.
 */
import { batches } from "../batches.ts";
import type { UserId } from "../protocol/ids.ts";
import { type Identity, revocationId } from "./claims.ts";
import { isRevoked, laterMark, type RevocationStore, type UserMark } from "./revocation_store.ts";

interface KvRevocationStoreOptions {
  /** Whether no other process writes to this KV; else it is asked at every use. Default true. */
  exclusive?: boolean;
  /** How many revocations are copied into memory; with more of them KV is asked at every use. Default 100,000. */
  maxCopied?: number;
  /** The clock, epoch milliseconds. */
  now?: () => number;
}

// what Deno KV reads at once
const READ_BATCH = 10;
const LIST_BATCH = 500;

/** Resolves when the copy is complete. `kv` stays its owner's to close. */
export async function createKvRevocationStore(
  kv: Deno.Kv,
  options: KvRevocationStoreOptions = {},
): Promise<RevocationStore> {
  const { exclusive = true, maxCopied = 100_000, now = Date.now } = options;
  const tokenKey = (jti: string) => ["revoked", "token", jti];
  const userKey = (id: string) => ["revoked", "user", id];
  const tokens = new Map<string, number>();
  const users = new Map<UserId, UserMark>();
  /** Whether the copy holds everything; if not, it is not looked at any more. */
  let isComplete = exclusive;

  function copyToken(jti: string, untilMs: number): void {
    makeRoom();
    if (isComplete) tokens.set(jti, Math.max(untilMs, tokens.get(jti) ?? 0));
  }

  function copyMark(id: UserId, mark: UserMark): void {
    makeRoom();
    if (isComplete) users.set(id, laterMark(mark, users.get(id)));
  }

  function makeRoom(): void {
    if (!isComplete || tokens.size + users.size < maxCopied) return;
    const nowMs = now();
    for (const [jti, untilMs] of tokens) if (untilMs <= nowMs) tokens.delete(jti);
    for (const [id, { untilMs }] of users) if (untilMs <= nowMs) users.delete(id);
    if (tokens.size + users.size < maxCopied) return;
    isComplete = false;
    tokens.clear();
    users.clear();
  }

  if (isComplete) {
    const options = { batchSize: LIST_BATCH };
    for await (const { key, value } of kv.list<number>({ prefix: tokenKey("").slice(0, 2) }, options)) {
      copyToken(key[2] as string, value);
    }
    for await (const { key, value } of kv.list<UserMark>({ prefix: userKey("").slice(0, 2) }, options)) {
      copyMark(key[2] as UserId, value);
    }
  }

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

  async function read(identities: readonly Identity[]): Promise<unknown[]> {
    const keysOf = (one: Identity) => [tokenKey(revocationId(one)), userKey(one.user.id)];
    const keys = identities.flatMap(keysOf);
    const reads = Array.from(batches(keys, READ_BATCH), (batch) => kv.getMany<unknown[]>(batch));
    return (await Promise.all(reads)).flat().map((entry) => entry.value);
  }

  return {
    async revokeToken(jti, untilMs) {
      await update<number>(tokenKey(jti), (kept = 0) => {
        const value = Math.max(untilMs, kept);
        return { value, untilMs: value };
      });
      copyToken(jti, untilMs);
    },
    async revokeUser(id, mark) {
      await update<UserMark>(userKey(id), (kept) => {
        const value = laterMark(mark, kept);
        return { value, untilMs: value.untilMs };
      });
      copyMark(id, mark);
    },
    async restoreUser(id) {
      const { versionstamp } = await kv.get(userKey(id));
      await kv.delete(userKey(id));
      users.delete(id);
      return versionstamp !== null;
    },
    async areRevoked(identities) {
      const values = isComplete
        ? identities.flatMap((identity) => [tokens.get(revocationId(identity)), users.get(identity.user.id)])
        : await read(identities);
      const nowMs = now();
      // KV drops an expired entry some time later, and the copy when it needs room: what they give may be over
      return identities.map((identity, index) => {
        const untilMs = values[2 * index] as number | null, mark = values[2 * index + 1] as UserMark | null;
        return isRevoked(identity, { untilMs, mark }, nowMs);
      });
    },
  };
}
