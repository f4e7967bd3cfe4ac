/**
 * The scripts of the presence store. Each runs as one step for everybody else, works out what its users' sessions add
 * up to, and returns what changed to its caller alone.
 *
 * A user with sessions is in `presence:users` as JSON: name `n`, announced status `a`, whether that status was announced
 * by a change since the store began (`said`), and sessions `s` by sid as `[active, owner]`. Who has none is not there.
 */
import { type Script, script } from "../redis/script.ts";

/** The names of the keys, in the order in which every script gets them. */
export const KEYS = [
  ...["presence:users", "presence:statuses", "presence:sessions", "presence:leaving"],
  ...["last_active", "last_active:names", "presence:epoch"],
];

// KEYS  1 users   2 statuses   3 sessions   4 leaving   5 last_active   6 names   7 epoch
const PRELUDE = `
local loaded, order = {}, {}
local function user(id)
  if loaded[id] == nil then
    local json = redis.call('HGET', KEYS[1], id)
    loaded[id] = json and cjson.decode(json) or false
    order[#order + 1] = id
  end
  return loaded[id]
end

local function changes(silent)
  local out = {}
  for _, id in ipairs(order) do
    local entry = loaded[id]
    if entry then
      local status = 'offline'
      for _, session in pairs(entry.s) do
        status = 'away'
        if session[1] == 1 then status = 'online' break end
      end
      if status ~= entry.a then
        if not silent or entry.said then
          entry.said = true
          out[#out + 1] = {id, entry.n, status, redis.call('ZSCORE', KEYS[5], id)}
        end
        entry.a = status
      end
      if status == 'offline' then
        redis.call('HDEL', KEYS[1], id)
        redis.call('HDEL', KEYS[2], id)
      else
        redis.call('HSET', KEYS[1], id, cjson.encode(entry))
        redis.call('HSET', KEYS[2], id, status)
      end
    end
  end
  return out
end

local function see(id, name, at)
  redis.call('ZADD', KEYS[5], 'GT', at, id)
  redis.call('HSET', KEYS[6], id, name)
end

local function remove(sids)
  for _, sid in ipairs(sids) do
    local id = redis.call('HGET', KEYS[3], sid)
    redis.call('HDEL', KEYS[3], sid)
    redis.call('ZREM', KEYS[4], sid)
    local entry = id and user(id)
    if entry then entry.s[sid] = nil end
  end
  return changes(false)
end

local function clock(now)
  if now ~= '' then return tonumber(now) end
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
`;

function presenceScript(lua: string): Script {
  return script(PRELUDE + lua);
}

/** Adds sessions or replaces what is known of them. */
export const PUT = presenceScript(`
-- ARGV  1 silent (0 or 1)   then six a session: sid, user id, name, owner, active (0 or 1), last active (0: never)
-- the changes, each {id, name, status, last active}
for i = 2, #ARGV, 6 do
  local sid, id, name = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  if not user(id) then loaded[id] = {a = 'offline', s = {}} end
  loaded[id].n = name
  loaded[id].s[sid] = {tonumber(ARGV[i + 4]), ARGV[i + 3]}
  redis.call('HSET', KEYS[3], sid, id)
  redis.call('ZREM', KEYS[4], sid)
  see(id, name, ARGV[i + 5])
end
return changes(ARGV[1] == '1')
`);

/** Begins the grace of sessions that their owner still has. */
export const LEAVE = presenceScript(`
-- ARGV  1 now (or '')   2 grace in ms   then five a session: sid, user id, name, owner, last active
local leaves_at = clock(ARGV[1]) + tonumber(ARGV[2])
for i = 3, #ARGV, 5 do
  local sid = ARGV[i]
  local id = redis.call('HGET', KEYS[3], sid)
  local session = id and user(id) and user(id).s[sid]
  if session and session[2] == ARGV[i + 3] then redis.call('ZADD', KEYS[4], 'NX', leaves_at, sid) end
  see(ARGV[i + 1], ARGV[i + 2], ARGV[i + 4])
end
return 1
`);

/** Removes sessions. */
export const REMOVE = presenceScript(`
-- ARGV  the sids
-- the changes
return remove(ARGV)
`);

/** Removes sessions whose grace is over, and keeps the store from expiring while a node looks after it. */
export const SETTLE = presenceScript(`
-- ARGV  1 now (or '')   2 most sessions   3 an epoch, if there is none   4 ttl in ms
-- {epoch, ms until the next is due (-1: none), changes}
local now = clock(ARGV[1])
redis.call('SET', KEYS[7], ARGV[3], 'NX')
local changed = remove(redis.call('ZRANGE', KEYS[4], '-inf', now, 'BYSCORE', 'LIMIT', 0, ARGV[2]))
local first = redis.call('ZRANGE', KEYS[4], 0, 0, 'WITHSCORES')
for _, key in ipairs({KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[7]}) do redis.call('PEXPIRE', key, ARGV[4]) end
return {redis.call('GET', KEYS[7]), first[2] and math.max(0, first[2] - now) or -1, changed}
`);

/** Keeps when users were last active, those who were seen last. */
export const TOUCH = presenceScript(`
-- ARGV  1 most users   then three a user: id, name, time
for i = 2, #ARGV, 3 do see(ARGV[i], ARGV[i + 1], ARGV[i + 2]) end
local surplus = redis.call('ZCARD', KEYS[5]) - tonumber(ARGV[1])
if surplus > 0 then
  local oldest = redis.call('ZPOPMIN', KEYS[5], math.min(surplus, 1000))
  for i = 1, #oldest, 2 do redis.call('HDEL', KEYS[6], oldest[i]) end
end
return 1
`);

const READ_IDS = `
if #ids == 0 then return {} end
local names = redis.call('HMGET', KEYS[6], unpack(ids))
local statuses = redis.call('HMGET', KEYS[2], unpack(ids))
local times = redis.call('ZMSCORE', KEYS[5], unpack(ids))
local out = {}
for i, id in ipairs(ids) do
  if names[i] then out[#out + 1] = {id, names[i], statuses[i] or 'offline', times[i]} end
end
return out
`;

/** The users of some ids, as far as they are known. */
export const READ = presenceScript(`
-- ARGV  the ids, at most 1,000
local ids = ARGV
${READ_IDS}`);

/** The users who were active last. */
export const RECENT = presenceScript(`
-- ARGV  1 most users, at most 1,000
local ids = redis.call('ZRANGE', KEYS[5], 0, ARGV[1] - 1, 'REV')
${READ_IDS}`);
