/** The channels of a fleet, in Redis. It holds no state in this process. */
import type { ChannelId, UserId } from "../protocol/ids.ts";
import { keyFamily } from "../redis/keys.ts";
import type { Argument, Redis, Reply } from "../redis/redis.ts";
import { type Script, script } from "../redis/script.ts";
import { KEPT_MESSAGES } from "../protocol/resources.ts";
import type { ChannelStore } from "./store.ts";

// KEYS  1 channels: id → JSON   2 public_channels   3 user_channels:   4 channel_members:   5 channels_made: user → count
//       6 channel_messages:   7 channel_counts: channel → messages ever   8 read_marks:   9 read_counts:
const KEYS = [
  ...["channels", "public_channels", "user_channels:", "channel_members:", "channels_made"],
  ...["channel_messages:", "channel_counts", "read_marks:", "read_counts:"],
];

const CREATE = script(`
-- ARGV  1 channel id   2 channel as JSON   3 public (0 or 1)   4 its maker, or ''   then the members
if redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2]) == 0 then return 0 end
if ARGV[3] == '1' then redis.call('SADD', KEYS[2], ARGV[1]) end
if ARGV[4] ~= '' then redis.call('HINCRBY', KEYS[5], ARGV[4], 1) end
for i = 5, #ARGV do
  redis.call('SADD', KEYS[3] .. ARGV[i], ARGV[1])
  redis.call('SADD', KEYS[4] .. ARGV[1], ARGV[i])
end
return 1
`);

const DROP = `
local function drop(id)
  local json = redis.call('HGET', KEYS[1], id)
  if not json then return false end
  local members = redis.call('SMEMBERS', KEYS[4] .. id)
  for _, user in ipairs(members) do
    redis.call('SREM', KEYS[3] .. user, id)
    redis.call('HDEL', KEYS[8] .. user, id)
    redis.call('HDEL', KEYS[9] .. user, id)
  end
  redis.call('HDEL', KEYS[1], id)
  redis.call('SREM', KEYS[2], id)
  redis.call('DEL', KEYS[4] .. id, KEYS[6] .. id)
  redis.call('HDEL', KEYS[7], id)
  local maker = cjson.decode(json).createdBy
  if maker and maker ~= cjson.null and redis.call('HINCRBY', KEYS[5], maker, -1) <= 0 then
    redis.call('HDEL', KEYS[5], maker)
  end
  return members
end
`;

const REMOVE = script(`
-- ARGV  1 channel id
-- the members it had, or nil
${DROP}
return drop(ARGV[1])
`);

const RENAME = script(`
-- ARGV  1 channel id   2 name
-- 1, or 0 when there is no such channel
local json = redis.call('HGET', KEYS[1], ARGV[1])
if not json then return 0 end
local channel = cjson.decode(json)
channel.name = ARGV[2]
redis.call('HSET', KEYS[1], ARGV[1], cjson.encode(channel))
return 1
`);

const ADD_MEMBER = script(`
-- ARGV  1 channel id   2 user id
-- 1, or 0 when it was a member, or there is no such channel
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 0 end
-- a channel of a version that kept no list of members has none
if redis.call('EXISTS', KEYS[4] .. ARGV[1]) == 1 then redis.call('SADD', KEYS[4] .. ARGV[1], ARGV[2]) end
return redis.call('SADD', KEYS[3] .. ARGV[2], ARGV[1])
`);

const REMOVE_MEMBER = script(`
-- ARGV  1 channel id   2 user id
-- 1, or 0 when it was none
${DROP}
if redis.call('SREM', KEYS[3] .. ARGV[2], ARGV[1]) == 0 then return 0 end
local was_last = redis.call('SREM', KEYS[4] .. ARGV[1], ARGV[2]) == 1 and redis.call('EXISTS', KEYS[4] .. ARGV[1]) == 0
if was_last then drop(ARGV[1]) end
return 1
`);

const MARK = `
local function mark(user, channel, at)
  at = math.max(at, tonumber(redis.call('HGET', KEYS[8] .. user, channel) or 0))
  redis.call('HSET', KEYS[8] .. user, channel, string.format('%d', at))
  redis.call('HSET', KEYS[9] .. user, channel, redis.call('HGET', KEYS[7], channel) or 0)
  return at
end
`;

const APPEND = script(`
-- ARGV  1 channel id   2 message as JSON   3 time   4 messages to keep   5 sender
${MARK}
redis.call('ZADD', KEYS[6] .. ARGV[1], ARGV[3], ARGV[2])
redis.call('ZREMRANGEBYRANK', KEYS[6] .. ARGV[1], 0, -1 - ARGV[4])
redis.call('HINCRBY', KEYS[7], ARGV[1], 1)
return mark(ARGV[5], ARGV[1], tonumber(ARGV[3]))
`);

const MARK_READ = script(`
-- ARGV  1 channel id   2 time   3 user
-- the mark
${MARK}
local last = redis.call('ZRANGE', KEYS[6] .. ARGV[1], -1, -1, 'WITHSCORES')
return mark(ARGV[3], ARGV[1], math.max(tonumber(ARGV[2]), tonumber(last[2] or 0)))
`);

const READ_MARKS = script(`
-- ARGV  1 user   then the channel ids
-- {mark or nil, messages since} for each
local out = {}
for i = 2, #ARGV do
  local channel = ARGV[i]
  local count = tonumber(redis.call('HGET', KEYS[7], channel) or 0)
  local read = tonumber(redis.call('HGET', KEYS[9] .. ARGV[1], channel) or 0)
  out[i - 1] = {redis.call('HGET', KEYS[8] .. ARGV[1], channel), count - read}
end
return out
`);

/** `prefix` is `REDIS_KEY_PREFIX`. */
export function createRedisChannelStore({ redis, prefix }: { redis: Redis; prefix: string }): ChannelStore {
  const key = keyFamily(redis, prefix, "channels");
  const keys = KEYS.map((name) => key(name));
  const run = (script: Script, ...args: Argument[]): Promise<Reply> => redis.run(script, { keys, args });

  return {
    async create(channel, memberIds) {
      const { id, public: open, createdBy } = channel;
      const json = JSON.stringify(channel);
      return await run(CREATE, id, json, open ? 1 : 0, createdBy ?? "", ...memberIds) === 1;
    },
    async get(channelIds) {
      if (channelIds.length === 0) return [];
      const found = await redis.send(["HMGET", key("channels"), ...channelIds]) as (string | null)[];
      return found.filter((json) => json !== null).map((json) => JSON.parse(json));
    },
    publicIds: async () => await redis.send(["SMEMBERS", key("public_channels")]) as ChannelId[],
    memberships: async (userId) =>
      await redis.send(["SMEMBERS", key("user_channels", userId)]) as ChannelId[],
    countMadeBy: async (userId) => Number(await redis.send(["HGET", key("channels_made"), userId])),
    rename: async (channelId, name) => await run(RENAME, channelId, name) === 1,
    remove: async (channelId) => await run(REMOVE, channelId) as UserId[] | null ?? undefined,
    addMember: async (channelId, userId) => await run(ADD_MEMBER, channelId, userId) === 1,
    removeMember: async (channelId, userId) => await run(REMOVE_MEMBER, channelId, userId) === 1,
    async append(message) {
      // the id comes first, so that messages of one millisecond sort by it
      const { id, ...rest } = message;
      const { channelId, user, createdAt } = rest;
      await run(APPEND, channelId, JSON.stringify({ id, ...rest }), createdAt, KEPT_MESSAGES, user.id);
    },
    async messages(channelId, limit) {
      const found = await redis.send(["ZRANGE", key("channel_messages", channelId), -limit, -1]);
      return (found as string[]).map((json) => JSON.parse(json));
    },
    markRead: async (userId, { channelId, at }) => await run(MARK_READ, channelId, at, userId) as number,
    async readMarks(userId, channelIds) {
      const found = await run(READ_MARKS, userId, ...channelIds) as [string | null, number][];
      return channelIds.map((channelId, index) => {
        const [mark, unread] = found[index] ?? [null, 0];
        const lastReadAt = mark === null ? null : Number(mark);
        return { channelId, lastReadAt, unread: Math.min(KEPT_MESSAGES, unread) };
      });
    },
  };
}
