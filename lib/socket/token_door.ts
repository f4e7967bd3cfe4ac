/**
 * What bad tokens cost those who show them: an address that showed too many is refused for a while without a look at
 * its next one, since checking a signature takes everybody's time.
 */
import { LRUCache } from "lru-cache";
import { groupOf } from "../address_group.ts";
import { type Code, ProtocolError } from "../protocol/codes.ts";

interface TokenDoorOptions {
  /** A clock in milliseconds that never goes back. */
  now?: () => number;
}

interface TokenDoor {
  /**
   * Has `look` at a token that came from `address`, one at a time for each; rejects with what it rejects with, and with
   * `admission/rate-limited` after too many bad ones.
   */
  check<Result>(address: string, look: () => Promise<Result>): Promise<Result>;
}

/** An office whose tokens have all expired is one address: with 50 a second it is soon through. */
const BAD_PER_SECOND = 50;
const COST_MS = 1_000 / BAD_PER_SECOND, BURST_MS = 1_000;
const MAX_ADDRESSES = 10_000;

interface Visitor {
  /** When all that it did is forgotten. */
  clearAt: number;
  /** Settles when its last token was looked at. */
  last: Promise<unknown>;
}

export function createTokenDoor({ now = () => performance.now() }: TokenDoorOptions = {}): TokenDoor {
  const visitors = new LRUCache<string, Visitor>({ max: MAX_ADDRESSES });

  async function lookFor<Result>(visitor: Visitor, look: () => Promise<Result>): Promise<Result> {
    await visitor.last;
    const waitMs = visitor.clearAt - now() + COST_MS - BURST_MS;
    if (waitMs > 0) {
      throw new ProtocolError("admission/rate-limited", undefined, { retryAfterMs: Math.ceil(waitMs) });
    }
    try {
      return await look();
    } catch (error) {
      if (error instanceof ProtocolError && isBadToken(error.code)) {
        visitor.clearAt = Math.max(visitor.clearAt, now()) + COST_MS;
      }
      throw error;
    }
  }

  return {
    check(address, look) {
      // an address that is not known is not one client's
      if (address === "") return look();
      const group = groupOf(address);
      const visitor = visitors.get(group) ?? { clearAt: 0, last: Promise.resolve() };
      visitors.set(group, visitor);
      const turn = lookFor(visitor, look);
      visitor.last = turn.catch(() => {});
      return turn;
    },
  };
}

/** Not those that the server could not check. */
function isBadToken(code: Code): boolean {
  return code.startsWith("auth/") && code !== "auth/keys-unavailable";
}
