/** Which of a user's typing notices are relayed: one a second per user and channel, and the one that ends them. */
import type { ChannelId, UserId } from "../protocol/ids.ts";

/** The shortest time between two notices of one user in one channel. */
const TYPING_INTERVAL_MS = 1_000;
/** After so long without a notice a user no longer types; clients forget it then, and so does the gate. */
export const TYPING_FORGOTTEN_MS = 5_000;

/** Decides notice by notice; remembers those of the last five seconds only. */
interface TypingGate {
  /** Whether this notice is to be relayed. */
  admit(userId: UserId, channelId: ChannelId, options: { typing: boolean }): boolean;
}

/** Makes a gate; `now` is the clock in milliseconds. */
export function createTypingGate(now: () => number = Date.now): TypingGate {
  // by time of the last relayed notice that began or went on, the oldest first
  const relayed = new Map<string, { at: number; typing: boolean }>();

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
      relayed.delete(key);
      relayed.set(key, { at, typing });
      return true;
    },
  };
}
