/** How many messages one user may post in one channel. */
import { LRUCache } from "lru-cache";
import { ProtocolError } from "../protocol/codes.ts";
import type { ChannelId, UserId } from "../protocol/ids.ts";

/** So many messages in any three seconds. */
export const MESSAGE_BURST = 15;
const WINDOW_MS = 3_000;
const MAX_POSTERS = 50_000;

/** Counts a message; throws `request/rate-limited` for one too many. */
export function createPostingLimit(now: () => number): (userId: UserId, channelId: ChannelId) => void {
  const lately = new LRUCache<string, number[]>({ max: MAX_POSTERS });
  return (userId, channelId) => {
    const key = `${channelId}\0${userId}`; // ids hold no control characters
    const at = now();
    const times = (lately.get(key) ?? []).filter((time) => time > at - WINDOW_MS);
    if (times.length >= MESSAGE_BURST) {
      const retryAfterMs = times[0]! + WINDOW_MS - at;
      throw new ProtocolError("request/rate-limited", "Too many messages in this channel.", { retryAfterMs });
    }
    lately.set(key, [...times, at]);
  };
}
