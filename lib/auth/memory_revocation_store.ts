/** Revocations that die with the process: for tests, and for a server that keeps no data. */
import { LRUCache } from "lru-cache";
import type { UserId } from "../protocol/ids.ts";
import { revocationId } from "./claims.ts";
import { isOlder, laterMark, type RevocationStore, type UserMark } from "./revocation_store.ts";

interface MemoryRevocationStoreOptions {
  /** How many tokens, and how many users, are remembered; then those not asked for longest are dropped. Default 50,000. */
  max?: number;
  /** The clock, epoch milliseconds. */
  now?: () => number;
}

/** Makes a {@linkcode RevocationStore} in memory. */
export function createMemoryRevocationStore(options: MemoryRevocationStoreOptions = {}): RevocationStore {
  const { max = 50_000, now = Date.now } = options;
  const tokens = new LRUCache<string, number>({ max });
  const users = new LRUCache<UserId, UserMark>({ max });

  return {
    revokeToken(jti, untilMs) {
      tokens.set(jti, Math.max(untilMs, tokens.get(jti) ?? 0));
      return Promise.resolve();
    },
    revokeUser(id, mark) {
      users.set(id, laterMark(mark, users.get(id)));
      return Promise.resolve();
    },
    restoreUser: (id) => Promise.resolve(users.delete(id)),
    areRevoked(identities) {
      const nowMs = now();
      return Promise.resolve(identities.map((identity) => {
        const { user, issuedAt } = identity;
        const mark = users.get(user.id);
        return (tokens.get(revocationId(identity)) ?? 0) > nowMs ||
          (mark !== undefined && mark.untilMs > nowMs && isOlder(issuedAt, mark.beforeMs));
      }));
    },
  };
}
