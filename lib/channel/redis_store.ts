/** The channels of a fleet, in Redis. It holds no state in this process. */
import type { ChannelId, UserId } from "../protocol/ids.ts";
import { type KeyFamily, keyFamily } from "../redis/keys.ts";
import type { Redis } from "../redis/redis.ts";
import { script } from "../redis/script.ts";
import { type Channel, KEPT_MESSAGES, type Message } from "../protocol/resources.ts";
import type { ReadMark } from "./channel.ts";
import type { ChannelStore } from "./store.ts";

interface RedisChannelStoreOptions {
  redis: Redis;
  /** `REDIS_KEY_PREFIX`. */
  prefix: string;
}

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

/** Creates the {@linkcode ChannelStore} of a Redis. The caller closes the connection. */
export function createRedisChannelStore(options: RedisChannelStoreOptions): ChannelStore {
  return new RedisChannelStore(options);
}

class RedisChannelStore implements ChannelStore {
  readonly #redis: Redis;
  readonly #key: KeyFamily;
  readonly #channels: string;
  readonly #public: string;

  constructor({ redis, prefix }: RedisChannelStoreOptions) {
    this.#redis = redis;
    this.#key = keyFamily(redis, prefix, "channels");
    this.#channels = this.#key("channels");
    this.#public = this.#key("public_channels");
  }

  async create(channel: Channel, memberIds: readonly UserId[]): Promise<boolean> {
    const keys = [this.#channels, this.#public, this.#key("user_channels", "")];
    const args = [channel.id, JSON.stringify(channel), channel.public ? 1 : 0, ...memberIds];
    return await this.#redis.run(CREATE, { keys, args }) === 1;
  }

  async get(channelIds: readonly ChannelId[]): Promise<Channel[]> {
    if (channelIds.length === 0) return [];
    const found = await this.#redis.send(["HMGET", this.#channels, ...channelIds]) as (string | null)[];
    return found.filter((json) => json !== null).map((json) => JSON.parse(json));
  }

  async publicIds(): Promise<ChannelId[]> {
    return await this.#redis.send(["SMEMBERS", this.#public]) as ChannelId[];
  }

  async memberships(userId: UserId): Promise<ChannelId[]> {
    return await this.#redis.send(["SMEMBERS", this.#key("user_channels", userId)]) as ChannelId[];
  }

  async addMember(channelId: ChannelId, userId: UserId): Promise<boolean> {
    return await this.#redis.send(["SADD", this.#key("user_channels", userId), channelId]) === 1;
  }

  async removeMember(channelId: ChannelId, userId: UserId): Promise<boolean> {
    return await this.#redis.send(["SREM", this.#key("user_channels", userId), channelId]) === 1;
  }

  async append(message: Message): Promise<void> {
    const { id, ...rest } = message;
    const { channelId, user, createdAt } = rest;
    const keys = [this.#key("channel_messages", channelId), this.#key("read_marks", user.id)];
    // the id comes first, so that messages of one millisecond sort by it
    const json = JSON.stringify({ id, ...rest });
    await this.#redis.run(APPEND, { keys, args: [channelId, json, createdAt, KEPT_MESSAGES] });
  }

  async messages(channelId: ChannelId, limit: number): Promise<Message[]> {
    const args = ["ZRANGE", this.#key("channel_messages", channelId), -limit, -1];
    return (await this.#redis.send(args) as string[]).map((json) => JSON.parse(json));
  }

  async markRead(userId: UserId, { channelId, at }: { channelId: ChannelId; at: number }): Promise<number> {
    const keys = [this.#key("channel_messages", channelId), this.#key("read_marks", userId)];
    return await this.#redis.run(MARK_READ, { keys, args: [channelId, at] }) as number;
  }

  async readMarks(userId: UserId, channelIds: readonly ChannelId[]): Promise<ReadMark[]> {
    const keys = [this.#key("read_marks", userId), this.#key("channel_messages", "")];
    const found = await this.#redis.run(READ_MARKS, { keys, args: channelIds }) as [string | null, number][];
    return channelIds.map((channelId, index) => {
      const [mark, unread] = found[index] ?? [null, 0];
      return { channelId, lastReadAt: mark === null ? null : Number(mark), unread };
    });
  }
}
