/** The channels of a fleet, in Redis. It holds no state in this process. */
import type { ChannelId, UserId } from "../protocol/ids.ts";
import { keyFamily } from "../redis/keys.ts";
import type { Redis } from "../redis/redis.ts";
import { script } from "../redis/script.ts";
import { KEPT_MESSAGES } from "../protocol/resources.ts";
import type { ChannelStore } from "./store.ts";

const CREATE = script(`
-- KEYS  1 channels   2 public   3 user_channels:
-- ARGV  1 channel id   2 channel as JSON   3 public (0 or 1)   then the members
if redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2]) == 0 then return 0 end
if ARGV[3] == '1' then redis.call('SADD', KEYS[2], ARGV[1]) end
for i = 4, #ARGV do redis.call('SADD', KEYS[3] .. ARGV[i], ARGV[1]) end
return 1
`);

const MARK = `
local function mark(key, channel, at)
  at = math.max(at, tonumber(redis.call('HGET', key, channel) or 0))
  redis.call('HSET', key, channel, string.format('%d', at))
  return at
end
`;

const APPEND = script(`
-- KEYS  1 messages:{channel}   2 read_marks:{sender}
-- ARGV  1 channel id   2 message as JSON   3 time   4 messages to keep
${MARK}
redis.call('ZADD', KEYS[1], ARGV[3], ARGV[2])
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -1 - ARGV[4])
return mark(KEYS[2], ARGV[1], tonumber(ARGV[3]))
`);

const MARK_READ = script(`
-- KEYS  1 messages:{channel}   2 read_marks:{user}
-- ARGV  1 channel id   2 time
-- the mark
${MARK}
local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')
return mark(KEYS[2], ARGV[1], math.max(tonumber(ARGV[2]), tonumber(last[2] or 0)))
`);

const READ_MARKS = script(`
-- KEYS  1 read_marks:{user}   2 messages:
-- ARGV  the channel ids
-- {mark or nil, messages since} for each
local out = {}
for i, channel in ipairs(ARGV) do
  local mark = redis.call('HGET', KEYS[1], channel)
  out[i] = {mark, redis.call('ZCOUNT', KEYS[2] .. channel, '(' .. (mark or 0), '+inf')}
end
return out
`);

/** `prefix` is `REDIS_KEY_PREFIX`. */
export function createRedisChannelStore({ redis, prefix }: { redis: Redis; prefix: string }): ChannelStore {
  const key = keyFamily(redis, prefix, "channels");
  const channels = key("channels"), publicChannels = key("public_channels");
  const ofUser = (userId: UserId): string => key("user_channels", userId);
  const keysOfMark = (channelId: ChannelId, userId: UserId): string[] => [
    key("channel_messages", channelId),
    key("read_marks", userId),
  ];

  return {
    async create(channel, memberIds) {
      const keys = [channels, publicChannels, key("user_channels", "")];
      const args = [channel.id, JSON.stringify(channel), channel.public ? 1 : 0, ...memberIds];
      return await redis.run(CREATE, { keys, args }) === 1;
    },
    async get(channelIds) {
      if (channelIds.length === 0) return [];
      const found = await redis.send(["HMGET", channels, ...channelIds]) as (string | null)[];
      return found.filter((json) => json !== null).map((json) => JSON.parse(json));
    },
    publicIds: async () => await redis.send(["SMEMBERS", publicChannels]) as ChannelId[],
    memberships: async (userId) => await redis.send(["SMEMBERS", ofUser(userId)]) as ChannelId[],
    addMember: async (channelId, userId) => await redis.send(["SADD", ofUser(userId), channelId]) === 1,
    removeMember: async (channelId, userId) => await redis.send(["SREM", ofUser(userId), channelId]) === 1,
    async append({ id, ...rest }) {
      const { channelId, user, createdAt } = rest;
      // the id comes first, so that messages of one millisecond sort by it
      const args = [channelId, JSON.stringify({ id, ...rest }), createdAt, KEPT_MESSAGES];
      await redis.run(APPEND, { keys: keysOfMark(channelId, user.id), args });
    },
    async messages(channelId, limit) {
      const found = await redis.send(["ZRANGE", key("channel_messages", channelId), -limit, -1]);
      return (found as string[]).map((json) => JSON.parse(json));
    },
    async markRead(userId, { channelId, at }) {
      const keys = keysOfMark(channelId, userId);
      return await redis.run(MARK_READ, { keys, args: [channelId, at] }) as number;
    },
    async readMarks(userId, channelIds) {
      const keys = [key("read_marks", userId), key("channel_messages", "")];
      const found = await redis.run(READ_MARKS, { keys, args: channelIds }) as [string | null, number][];
      return channelIds.map((channelId, index) => {
        const [mark, unread] = found[index] ?? [null, 0];
        return { channelId, lastReadAt: mark === null ? null : Number(mark), unread };
      });
    },
  };
}
