/**
 * Connections without a session: each holds memory until it shows a token or its time is over. They have so many places,
 * an address has a share of them, and the fuller they are the less time each of them is given.
 */
import { groupOf } from "../address_group.ts";
import type { EngineSocket } from "../engine/mod.ts";

interface StrangersOptions {
  /** How many places there are. */
  max: number;
  /** How long a connection may be without a session while places are empty, in milliseconds. */
  patienceMs: number;
  /** A clock in milliseconds that never goes back. */
  now?: () => number;
}

/** What is needed of a connection. */
export type Stranger = Pick<EngineSocket, "remoteAddress" | "close">;

interface Strangers {
  /** Whether there is a place for a connection from `address`. Ends those that have kept one for too long. */
  hasPlace(address: string): boolean;
  add(stranger: Stranger): void;
  /** It has become a session, or is gone. */
  delete(stranger: Stranger): void;
}

/** One address, which may be that of a whole office, has a quarter of the places. */
export const ADDRESS_SHARE = 1 / 4;
/** What an honest client needs over a slow line. */
const MIN_PATIENCE_MS = 1_000;

export function createStrangers(
  { max, patienceMs, now = () => performance.now() }: StrangersOptions,
): Strangers {
  /** Since when, the oldest first; by address too. */
  const all = new Map<Stranger, number>();
  const byGroup = new Map<string, Map<Stranger, number>>();

  /** Ends the oldest, as long as they are older than there is time for. */
  function expire(strangers: ReadonlyMap<Stranger, number>, places: number): void {
    for (const [stranger, since] of strangers) {
      if (now() - since <= Math.max(MIN_PATIENCE_MS, patienceMs * (1 - strangers.size / places))) return;
      remove(stranger);
      stranger.close(true);
    }
  }

  function remove(stranger: Stranger): void {
    if (!all.delete(stranger)) return;
    const group = groupOf(stranger.remoteAddress), own = byGroup.get(group);
    own?.delete(stranger);
    if (own?.size === 0) byGroup.delete(group);
  }

  return {
    hasPlace(address) {
      const own = byGroup.get(groupOf(address)) ?? new Map(), share = max * ADDRESS_SHARE;
      expire(own, share);
      expire(all, max);
      return all.size < max && own.size < share;
    },
    add(stranger) {
      const group = groupOf(stranger.remoteAddress), own = byGroup.get(group) ?? new Map();
      byGroup.set(group, own.set(stranger, now()));
      all.set(stranger, now());
    },
    delete: remove,
  };
}
