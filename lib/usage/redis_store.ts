/** The usage of a fleet, in Redis: one script a report, which is one step for all nodes. */
import type { NodeId } from "../protocol/ids.ts";
import { keyFamily } from "../redis/keys.ts";
import type { Redis } from "../redis/redis.ts";
import { script } from "../redis/script.ts";
import { ANNOUNCE_INTERVAL_MS, type FleetUsage, USAGE_TTL_MS, type UsageStore } from "./store.ts";

/** Options of {@linkcode createRedisUsageStore}. */
export interface RedisUsageStoreOptions {
  redis: Redis;
  /** `REDIS_KEY_PREFIX`. */
  prefix: string;
  /** The clock, in epoch milliseconds; default: Redis's own, which all nodes share. */
  now?: () => number;
}

// what is known of the last announcement outlives a fleet that rests
const ANNOUNCED_TTL_MS = 60 * 60_000;

const REPORT = script(`
-- KEYS  1 usage_pool: node id → its models as JSON   2 nodes: by when their report runs out   3 announced
-- ARGV  1 now (or '')   2 node id   3 ttl of a report in ms   4 ms between announcements   5 ttl of the last one
--       then the node's models
-- {announce | soon | none, models}
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
if #ARGV > 5 then
  local reported = {}
  for i = 6, #ARGV do reported[#reported + 1] = ARGV[i] end
  redis.call('HSET', KEYS[1], ARGV[2], cjson.encode(reported))
  redis.call('ZADD', KEYS[2], now + ARGV[3], ARGV[2])
else
  redis.call('HDEL', KEYS[1], ARGV[2])
  redis.call('ZREM', KEYS[2], ARGV[2])
end
for _, node in ipairs(redis.call('ZRANGE', KEYS[2], '-inf', now, 'BYSCORE')) do
  redis.call('HDEL', KEYS[1], node)
  redis.call('ZREM', KEYS[2], node)
end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('PEXPIRE', KEYS[2], ARGV[3])

local seen, models = {}, {}
for _, json in ipairs(redis.call('HVALS', KEYS[1])) do
  for _, model in ipairs(cjson.decode(json)) do
    if not seen[model] then models[#models + 1] = model end
    seen[model] = true
  end
end
table.sort(models)
local is = table.concat(models, '\\0')
local was = redis.call('HMGET', KEYS[3], 'models', 'at')
redis.call('PEXPIRE', KEYS[3], ARGV[5])
if is == (was[1] or '') then return {'none', models} end
if was[2] and now - was[2] < tonumber(ARGV[4]) then return {'soon', models} end
redis.call('HSET', KEYS[3], 'models', is, 'at', now)
redis.call('PEXPIRE', KEYS[3], ARGV[5])
return {'announce', models}
`);

/** Creates the {@linkcode UsageStore} of a Redis. The caller closes the connection. */
export function createRedisUsageStore({ redis, prefix, now }: RedisUsageStoreOptions): UsageStore {
  const key = keyFamily(redis, prefix, "usage");
  const keys = [key("usage_pool"), key("usage_pool", "nodes"), key("usage_pool", "announced")];
  return {
    async report(nodeId: NodeId, models: readonly string[]) {
      const limits = [USAGE_TTL_MS, ANNOUNCE_INTERVAL_MS, ANNOUNCED_TTL_MS];
      const args = [now?.() ?? "", nodeId, ...limits, ...models];
      const [change, all] = await redis.run(REPORT, { keys, args }) as [FleetUsage["change"], string[]];
      return { models: all, change };
    },
  };
}
