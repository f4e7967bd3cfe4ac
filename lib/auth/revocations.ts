/**
 * Revokes tokens and says which are revoked. Tells its listeners, here and through `publish` on the other nodes, so
 * that live sessions end at once; ending them is the listeners' business.
 */
import { Emitter } from "../emitter.ts";
import { ProtocolError } from "../protocol/codes.ts";
import { type UserId, userId } from "../protocol/ids.ts";
import { type Identity, MAX_LIFETIME_S, revocationId } from "./claims.ts";
import { createMemoryRevocationStore } from "./memory_revocation_store.ts";
import { isOlder, type RevocationStore } from "./revocation_store.ts";

/** What was revoked, as it goes to the other nodes: one token, or a user's tokens issued until `beforeMs`. */
export type Revocation =
  | { kind: "token"; userId: UserId; jti: string }
  | { kind: "user"; userId: UserId; beforeMs: number };
/** What nodes tell each other: a revocation, or that a user's was taken back. */
export type RevocationNotice = Revocation | { kind: "restored"; userId: UserId };

export interface Revocations {
  /**
   * Revokes the token of `identity` and all that were, or will be, renewed from it. Rejects with `server/unavailable`
   * when the store is down.
   */
  revokeToken(identity: Identity): Promise<void>;
  /** Revokes all tokens of a user issued until now. Rejects with `server/unavailable` when the store is down. */
  revokeUser(id: UserId): Promise<void>;
  /** Takes the revocation of a user back; whether there was one. Tokens that were revoked one by one stay so. */
  restoreUser(id: UserId): Promise<boolean>;
  /**
   * Rejects with `auth/revoked`, and with `server/unavailable` when the store is down and that is to refuse.
   * A new session should be where `onRevoked` finds it before this is asked: then no revocation falls in between.
   */
  assertValid(identity: Identity): Promise<void>;
  /** Those of `identities` that are revoked, in one round trip; none while the store is down. For live sessions. */
  recheck(identities: readonly Identity[]): Promise<Identity[]>;
  /** Takes a {@linkcode Revocation} that another node published; anything else is ignored. */
  receive(message: unknown): void;
  /** Calls `listener` at every revocation, made here or received. Returns how to stop that. */
  onRevoked(listener: (revocation: Revocation) => void): () => void;
}

interface RevocationsOptions {
  store: RevocationStore;
  /** What happens to a token that cannot be looked up (`AUTH_WHEN_STORE_DOWN`). Default `refuse`. */
  whenStoreDown?: "refuse" | "admit";
  /** The longest life of a token, milliseconds: so long a user's revocation is kept. Default {@linkcode MAX_LIFETIME_S}. */
  maxTokenLifeMs?: number;
  /** The life of tokens that are renewed here, milliseconds; default `maxTokenLifeMs`. */
  issuedLifeMs?: number;
  /** Seconds by which clocks may differ: so long after `exp` a token may still pass. Default 5. */
  clockToleranceS?: number;
  /** Sends a revocation to the other nodes. Should it fail, they learn of it at their next recheck. */
  publish?: (notice: RevocationNotice) => void | Promise<void>;
  /** Told when the store, a listener or `publish` fails. */
  onError?: (error: unknown) => void;
  /** The clock, epoch milliseconds. */
  now?: () => number;
}

const MAX_RECENT = 10_000;

export function createRevocations(options: RevocationsOptions): Revocations {
  const { store, whenStoreDown = "refuse", maxTokenLifeMs = MAX_LIFETIME_S * 1000 } = options;
  const { issuedLifeMs = maxTokenLifeMs, clockToleranceS = 5, now = Date.now } = options;
  const { publish = () => {}, onError = () => {} } = options;
  const toleranceMs = clockToleranceS * 1000;
  // until the store has it, and while the store is away: nobody slips through in between
  const recent = createMemoryRevocationStore({ max: MAX_RECENT, now });
  const emitter = new Emitter<{ revoked: [Revocation] }>(onError);

  async function announce(notice: RevocationNotice): Promise<void> {
    if (notice.kind !== "restored") emitter.emit("revoked", notice);
    try {
      await publish(notice);
    } catch (error) {
      onError(error);
    }
  }

  async function orUnavailable<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      onError(error);
      throw new ProtocolError("server/unavailable");
    }
  }

  return {
    async revokeToken(identity) {
      const { family, user, expiresAt } = identity;
      const longestMs = now() + (family === null ? maxTokenLifeMs : issuedLifeMs);
      // a renewed token outlives the one that it was made from
      const untilMs = (family === null ? expiresAt ?? longestMs : longestMs) + toleranceMs;
      const id = revocationId(identity);
      await recent.revokeToken(id, untilMs);
      await orUnavailable(store.revokeToken(id, untilMs));
      await announce({ kind: "token", userId: user.id, jti: id });
    },
    async revokeUser(id) {
      const beforeMs = now();
      const mark = { beforeMs, untilMs: beforeMs + maxTokenLifeMs + toleranceMs };
      await recent.revokeUser(id, mark);
      await orUnavailable(store.revokeUser(id, mark));
      await announce({ kind: "user", userId: id, beforeMs });
    },
    async restoreUser(id) {
      await recent.restoreUser(id);
      const wasRevoked = await orUnavailable(store.restoreUser(id));
      await announce({ kind: "restored", userId: id });
      return wasRevoked;
    },
    async assertValid(identity) {
      let [revoked] = await recent.areRevoked([identity]);
      if (revoked) throw new ProtocolError("auth/revoked");
      try {
        [revoked] = await orUnavailable(store.areRevoked([identity]));
      } catch (error) {
        if (whenStoreDown === "refuse") throw error;
      }
      if (revoked) throw new ProtocolError("auth/revoked");
    },
    async recheck(identities) {
      try {
        const revoked = await store.areRevoked(identities);
        return identities.filter((_, index) => revoked[index]);
      } catch (error) {
        onError(error);
        return [];
      }
    },
    receive(message) {
      const notice = parseNotice(message);
      if (notice?.kind === "restored") void recent.restoreUser(notice.userId);
      else if (notice !== undefined) emitter.emit("revoked", notice);
    },
    onRevoked: (listener) => emitter.on("revoked", listener),
  };
}

/** Whether `revocation` takes the token of `identity`. */
export function covers(revocation: Revocation, identity: Identity): boolean {
  const { user, issuedAt } = identity;
  if (revocation.userId !== user.id) return false;
  return revocation.kind === "token"
    ? revocation.jti === revocationId(identity)
    : isOlder(issuedAt, revocation.beforeMs);
}

function parseNotice(message: unknown): RevocationNotice | undefined {
  if (typeof message !== "object" || message === null) return undefined;
  const { kind, userId: id, jti, beforeMs } = message as Record<string, unknown>;
  try {
    if (kind === "token" && typeof jti === "string") return { kind, userId: userId(id), jti };
    if (kind === "restored") return { kind, userId: userId(id) };
    if (kind === "user" && Number.isFinite(beforeMs)) {
      return { kind, userId: userId(id), beforeMs: Number(beforeMs) };
    }
  } catch {
    // not a user id: not a revocation
  }
  return undefined;
}
