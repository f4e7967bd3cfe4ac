/**
 * Which typing notices are relayed: one a second per user and channel, and the one that ends them; and in a channel at
 * most ten users a second, for each of them costs a frame for every member.
 */
import { LRUCache } from "lru-cache";
import type { ChannelId, UserId } from "../protocol/ids.ts";

/** The shortest time between two notices of one user in one channel. */
const TYPING_INTERVAL_MS = 1_000;
/** How many users' notices a channel relays in a second; the others' lapse. */
export const MAX_TYPISTS = 10;
/** After so long without a notice a user no longer types; clients forget it then, and so does the gate. */
export const TYPING_FORGOTTEN_MS = 5_000;

const MAX_CHANNELS = 10_000;

/** Decides notice by notice; remembers those of the last five seconds only. */
interface TypingGate {
  /** Whether this notice is to be relayed. */
  admit(userId: UserId, channelId: ChannelId, options: { typing: boolean }): boolean;
}

/** `now` is the clock in milliseconds. */
export function createTypingGate(now: () => number = Date.now): TypingGate {
  // by time of the last relayed notice that began or went on, the oldest first
  const relayed = new Map<string, { at: number; typing: boolean }>();
  const typists = new LRUCache<ChannelId, { since: number; count: number }>({ max: MAX_CHANNELS });

  function forget(before: number): void {
    for (const [key, { at }] of relayed) {
      if (at > before) return;
      relayed.delete(key);
    }
  }

  return {
    admit(userId, channelId, { typing }) {
      const key = `${channelId}\0${userId}`; // ids hold no control characters
      const at = now();
      forget(at - TYPING_FORGOTTEN_MS);
      const last = relayed.get(key);
      if (!typing) {
        if (!last?.typing) return false;
        last.typing = false;
        return true;
      }
      if (last !== undefined && at - last.at < TYPING_INTERVAL_MS) return false;
      const second = typists.get(channelId);
      if (second === undefined || at - second.since >= TYPING_INTERVAL_MS) {
        typists.set(channelId, { since: at, count: 1 });
      } else if (++second.count > MAX_TYPISTS) return false;
      relayed.delete(key);
      relayed.set(key, { at, typing });
      return true;
    },
  };
}
