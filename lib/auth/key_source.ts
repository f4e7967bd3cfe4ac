/** Where the keys come from that tokens are checked with. Implementations are in the files beside this one. */
import type { JWTVerifyGetKey } from "jose";

/** The keys of one configuration, and the algorithms that fit them. */
export interface KeySource extends Disposable {
  /** The only algorithms that a token may name: fitted to the keys, never taken from a token. */
  readonly algorithms: readonly string[];
  /** Changes whenever keys were replaced: what was verified under another generation is verified anew. */
  readonly generation: number;
  /**
   * The key for a token's header. Throws `auth/keys-unavailable` while there are no keys at all,
   * and jose's `JWKSNoMatchingKey` or `JWKSMultipleMatchingKeys` when not exactly one fits.
   */
  readonly find: JWTVerifyGetKey;
}
