/** The memberships that this node has read, kept until they change, so that no event waits for the store. */
import { LRUCache } from "lru-cache";
import type { ChannelId, UserId } from "../protocol/ids.ts";
import type { MembershipChange } from "./channel.ts";
import type { ChannelStore } from "./store.ts";

const MAX_USERS = 50_000;
// how long a change that was never heard of can stay unseen
const TTL_MS = 60_000;
const PUBLIC = Symbol("public");
/** Of those who are in no channel of their own, as most are: one for all. */
const NONE: ReadonlySet<ChannelId> = new Set();

export interface Memberships {
  /** The channels that the user is a member of: the public ones and the user's own. */
  of(userId: UserId): Promise<ReadonlySet<ChannelId>>;
  isMember(channelId: ChannelId, userId: UserId): Promise<boolean>;
  publicIds(): Promise<ReadonlySet<ChannelId>>;
  /** Only the channels that the user was made a member of. */
  ownIds(userId: UserId): Promise<ReadonlySet<ChannelId>>;
  /** Drops what a change made wrong; everything, without one. */
  forget(change?: Pick<MembershipChange, "userIds">): void;
}

export function createMemberships(store: ChannelStore): Memberships {
  const cache = new LRUCache<UserId | typeof PUBLIC, Promise<ReadonlySet<ChannelId>>>({
    max: MAX_USERS,
    ttl: TTL_MS,
    // without a timer for each moment that it asked the time
    ttlResolution: 0,
  });

  async function read(key: UserId | typeof PUBLIC): Promise<ReadonlySet<ChannelId>> {
    while (true) {
      let ids = cache.get(key);
      if (ids === undefined) cache.set(key, ids = load(key));
      try {
        const result = await ids;
        // what was forgotten while it was read may be wrong already
        if (cache.peek(key, { allowStale: true }) === ids) return result;
      } catch (error) {
        if (cache.peek(key) === ids) cache.delete(key);
        throw error;
      }
    }
  }

  async function load(key: UserId | typeof PUBLIC): Promise<ReadonlySet<ChannelId>> {
    const ids = await (key === PUBLIC ? store.publicIds() : store.memberships(key));
    return ids.length === 0 ? NONE : new Set(ids);
  }

  return {
    async of(userId) {
      const [open, own] = await Promise.all([read(PUBLIC), read(userId)]);
      return own.size === 0 ? open : open.union(own);
    },
    async isMember(channelId, userId) {
      return (await read(PUBLIC)).has(channelId) || (await read(userId)).has(channelId);
    },
    publicIds: () => read(PUBLIC),
    ownIds: (userId) => read(userId),
    forget(change) {
      if (change === undefined) return cache.clear();
      for (const key of change.userIds ?? [PUBLIC] as const) cache.delete(key);
    },
  };
}
