/** Revocations of late, in the memory of this process. */
import { LRUCache } from "lru-cache";
import type { UserId } from "../protocol/ids.ts";
import { revocationId } from "./claims.ts";
import { isRevoked, laterMark, type RevocationStore, type UserMark } from "./revocation_store.ts";

interface MemoryRevocationStoreOptions {
  /** How many tokens, and how many users, are remembered; then those not asked for longest are dropped. */
  max: number;
  /** The clock, epoch milliseconds. */
  now: () => number;
}

export function createMemoryRevocationStore({ max, now }: MemoryRevocationStoreOptions): RevocationStore {
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
        const kept = { untilMs: tokens.get(revocationId(identity)), mark: users.get(identity.user.id) };
        return isRevoked(identity, kept, nowMs);
      }));
    },
  };
}
