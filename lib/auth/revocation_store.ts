/** Where revocations are remembered. Implementations are in the files beside this one. */
import type { UserId } from "../protocol/ids.ts";
import type { Identity } from "./claims.ts";

/** All tokens of a user that were issued until some moment. Epoch milliseconds. */
export interface UserMark {
  /** Tokens issued at this moment or earlier are revoked. */
  beforeMs: number;
  /** When the last of them has run out, and the mark can be forgotten. */
  untilMs: number;
}

/** Remembers revocations for as long as the revoked tokens live. With the store down a method rejects, and soon. */
export interface RevocationStore {
  /** Revokes the tokens of one `revocationId` until `untilMs` (epoch). */
  revokeToken(id: string, untilMs: number): Promise<void>;
  /** Revokes tokens of a user. A mark never moves back: what was revoked stays so. */
  revokeUser(id: UserId, mark: UserMark): Promise<void>;
  /** Takes the revocation of a user back; whether there was one. What was revoked by its own id stays so. */
  restoreUser(id: UserId): Promise<boolean>;
  /** Whether each of `identities` is revoked, in their order; one round trip for all of them. */
  areRevoked(identities: readonly Identity[]): Promise<boolean[]>;
}

/**
 * Whether a token with this `issuedAt` falls under a mark at `beforeMs`.
 *
 * Most issuers write `iat` in whole seconds, rounded down, so a token issued in the same second as the revocation
 * but after it counts as revoked too: in doubt a token is refused. It costs such a user one second at most; tokens
 * of our own issuer carry milliseconds and are told apart exactly. Without `iat` a token counts as old.
 */
export function isOlder(issuedAt: number | null, beforeMs: number): boolean {
  return issuedAt === null || issuedAt <= beforeMs;
}

/** Whether a token is revoked at `nowMs`, by what is kept of it and of its user. */
export function isRevoked(
  { issuedAt }: Identity,
  { untilMs, mark }: { untilMs?: number | null; mark?: UserMark | null },
  nowMs: number,
): boolean {
  return (untilMs ?? 0) > nowMs || (mark != null && mark.untilMs > nowMs && isOlder(issuedAt, mark.beforeMs));
}

/** What two marks of one user say together. */
export function laterMark(mark: UserMark, other: UserMark = mark): UserMark {
  return {
    beforeMs: Math.max(mark.beforeMs, other.beforeMs),
    untilMs: Math.max(mark.untilMs, other.untilMs),
  };
}
