/**
 * The scripts of the roster. Each runs as one step for everybody else and returns what it changed to its caller alone.
 * The keys of users, nodes and private ids are built from their prefix, which shares the hash tag of the others.
 *
 * A sid is marked in `user_sessions:{id}` as `{active: 0 or 1}{open: +, leaving: -}{connectedAt}:{node}`. An open
 * session is also in `session_pool`, in `session_leases` and in `node_sessions:{node}`; one that is leaving is in
 * `session_leaving` and in `session_leases`, until the lease that nobody renews runs out.
 *
 * `presence` has the status of each user with sessions; with a `?` behind it when no change said so since the store
 * began, for it was put silently.
 */
import { type Script, script } from "../redis/script.ts";

/** The names of the keys, in the order in which every script gets them. */
export const KEYS = [
  ...["session_pool", "session_leases", "session_leaving", "nodes"],
  ...["presence", "last_active", "last_active:names", "roster:epoch"],
  ...["usage_pool", "usage_pool:nodes", "usage_pool:announced"],
  ...["user_sessions:", "node_sessions:", "saved:"],
] as const;

/** What the names stand for in Lua. */
const NAMES = `
local POOL, LEASES, LEAVING, NODES, STATUS, SEEN, NAMES, EPOCH, USED, USED_UNTIL, ANNOUNCED, USER, NODE, SAVED = unpack(KEYS)
`;

/** The head of every write; it ends the script where the store holds other contents than the writer knows. */
const PRELUDE = `${NAMES}
-- ARGV  1 now (or '': the clock of Redis)   2 the epoch that the writer knows (or '')   3 an epoch, if there is none
--       4 node id   5 lease of the node in ms   6 ttl in ms of what has no lease
-- {epoch, 1 or 0: the node's lease had run out, changes, each {user id, name, status, last active}, …}; or {epoch} alone
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
redis.call('SET', EPOCH, ARGV[3], 'NX', 'PX', ARGV[6])
local epoch = redis.call('GET', EPOCH)
if ARGV[2] ~= '' and ARGV[2] ~= epoch then return {epoch} end
local lease = redis.call('ZSCORE', NODES, ARGV[4])
local known = lease and tonumber(lease) > now and 1 or 0
redis.call('ZADD', NODES, now + ARGV[5], ARGV[4])

local users, order = {}, {}
-- the marks of a user's sessions, whom changes() then looks at
local function marks(id)
  if not users[id] then
    users[id] = {}
    order[#order + 1] = id
    local flat = redis.call('HGETALL', USER .. id)
    for i = 1, #flat, 2 do users[id][flat[i]] = flat[i + 1] end
  end
  return users[id]
end

local function mark(id, sid, value)
  marks(id)[sid] = value
  redis.call('HSET', USER .. id, sid, value)
end

local function drop(id, sid, node)
  marks(id)[sid] = nil
  redis.call('HDEL', USER .. id, sid)
  redis.call('HDEL', POOL, sid)
  redis.call('HDEL', LEAVING, sid)
  redis.call('ZREM', LEASES, sid)
  redis.call('SREM', NODE .. node, sid)
end

local function see(id, name, at)
  redis.call('ZADD', SEEN, 'GT', at, id)
  redis.call('HSET', NAMES, id, name)
end

local function changes(silent)
  local out = {}
  for _, id in ipairs(order) do
    local status = 'offline'
    for _, mark in pairs(users[id]) do
      if mark:sub(1, 1) == '1' then status = 'online' break end
      status = 'away'
    end
    local before = redis.call('HGET', STATUS, id) or 'offline'
    local told = before ~= 'offline' and before:sub(-1) ~= '?'
    if status ~= before:gsub('%?$', '') then
      if told or not silent then
        told = true
        out[#out + 1] = {id, redis.call('HGET', NAMES, id) or id, status, redis.call('ZSCORE', SEEN, id)}
      end
      if status == 'offline' then redis.call('HDEL', STATUS, id)
      else redis.call('HSET', STATUS, id, told and status or status .. '?') end
    end
  end
  return out
end
`;

function write(lua: string): Script {
  return script(PRELUDE + lua);
}

/** How many arguments a session takes in {@linkcode WRITE}. */
export const LEAVE_ARGS = 10, ENTRY_ARGS = 13;

/** Writes who leaves, then who comes or stays. */
export const WRITE: Script = write(`
-- ARGV  7 silent (0 or 1)   8 how many leave
--       ${LEAVE_ARGS} for each of them: sid, user id, name, node id, connectedAt, last active (0: never), grace in ms,
--         private id (or ''), value to keep (or ''), for how many ms (0: drop it)
--       ${ENTRY_ARGS} for each of the others: the same first six, active (0 or 1), lease in ms, most of the user (or -1),
--         private id, value, for how many ms, record
-- … added, refused and taken sids
local function keep(pid, value, ms)
  if pid == '' then return end
  if value ~= '' then redis.call('SET', SAVED .. pid, value, 'PX', ms)
  else redis.call('PEXPIRE', SAVED .. pid, ms) end
end

local i = 9
for _ = 1, tonumber(ARGV[8]) do
  local sid, id, name, node, connected, at, grace, pid, value, ms = unpack(ARGV, i, i + ${LEAVE_ARGS - 1})
  i = i + ${LEAVE_ARGS}
  local held = redis.call('HGET', USER .. id, sid)
  if held and held:sub(2) == '+' .. connected .. ':' .. node then
    local record = redis.call('HGET', POOL, sid)
    drop(id, sid, node)
    if record and tonumber(grace) > 0 then
      mark(id, sid, held:sub(1, 1) .. '-' .. held:sub(3))
      redis.call('PEXPIRE', USER .. id, grace + ARGV[6])
      redis.call('HSET', LEAVING, sid, record)
      redis.call('ZADD', LEASES, now + grace, sid)
    end
    keep(pid, value, ms)
  end
  see(id, name, at)
end

local added, refused, taken, nodes = {}, {}, {}, {}
for i = i, #ARGV, ${ENTRY_ARGS} do
  local sid, id, name, node, connected, at, active, lease, most, pid, value, ms, record = unpack(ARGV, i, i + ${
  ENTRY_ARGS - 1
})
  most = tonumber(most)
  local is = active .. '+' .. connected .. ':' .. node
  local was = redis.call('HGET', USER .. id, sid)
  local was_open = was and was:sub(2, 2) == '+'
  local was_connected, was_node
  if was then was_connected, was_node = was:match('^..([^:]*):(.*)$') end
  local open = 0
  if not was_open and most >= 0 then
    for _, mark in pairs(marks(id)) do if mark:sub(2, 2) == '+' then open = open + 1 end end
  end
  if was and was_node ~= node and tonumber(was_connected) > tonumber(connected) then
    taken[#taken + 1] = sid
  elseif not was_open and most >= 0 and open >= most then
    refused[#refused + 1] = sid
  else
    if was ~= is then
      if was then drop(id, sid, was_node) end
      mark(id, sid, is)
      redis.call('SADD', NODE .. node, sid)
    end
    if not was_open then added[#added + 1] = sid end
    redis.call('HSET', POOL, sid, record)
    redis.call('ZADD', LEASES, now + lease, sid)
    redis.call('PEXPIRE', USER .. id, lease + ARGV[6])
    nodes[node] = math.max(nodes[node] or 0, lease)
    see(id, name, at)
    keep(pid, value, ms)
  end
end
for node, lease in pairs(nodes) do redis.call('PEXPIRE', NODE .. node, lease + ARGV[6]) end
return {epoch, known, changes(ARGV[7] == '1'), added, refused, taken}
`);

/** Reaps first the sessions of dead nodes, then those whose own lease has run out; and takes a node's report of use. */
export const TICK: Script = write(`
-- ARGV  7 most sessions to reap   8 most users whose last activity is kept   9 ttl of a report of use in ms
--       10 ms between two announcements of use   then the models that the node uses
-- … records of open sessions that are gone, 1 or 0: there may be more, announce | soon | none, models of the fleet
local most, sids = tonumber(ARGV[7]), {}
local function take(list) for _, sid in ipairs(list) do sids[#sids + 1] = sid end end
for _, node in ipairs(redis.call('ZRANGE', NODES, '-inf', now, 'BYSCORE', 'LIMIT', 0, most)) do
  if #sids < most then
    take(redis.call('SPOP', NODE .. node, most - #sids))
    if redis.call('EXISTS', NODE .. node) == 0 then redis.call('ZREM', NODES, node) end
  end
end
take(redis.call('ZRANGE', LEASES, '-inf', now, 'BYSCORE', 'LIMIT', 0, most - #sids))
local gone = {}
for _, sid in ipairs(sids) do
  local open = redis.call('HGET', POOL, sid)
  local record = open or redis.call('HGET', LEAVING, sid)
  if record then
    local fields = cjson.decode(record)
    drop(fields.user.id, sid, fields.nodeId)
  else
    redis.call('ZREM', LEASES, sid)
  end
  if open then gone[#gone + 1] = open end
end

local surplus = redis.call('ZCARD', SEEN) - ARGV[8]
if surplus > 0 then
  local oldest = redis.call('ZPOPMIN', SEEN, math.min(surplus, 1000))
  for i = 1, #oldest, 2 do redis.call('HDEL', NAMES, oldest[i]) end
end

if #ARGV > 10 then
  local own = {}
  for i = 11, #ARGV do own[#own + 1] = ARGV[i] end
  redis.call('HSET', USED, ARGV[4], cjson.encode(own))
  redis.call('ZADD', USED_UNTIL, now + ARGV[9], ARGV[4])
else
  redis.call('HDEL', USED, ARGV[4])
  redis.call('ZREM', USED_UNTIL, ARGV[4])
end
for _, node in ipairs(redis.call('ZRANGE', USED_UNTIL, '-inf', now, 'BYSCORE')) do
  redis.call('HDEL', USED, node)
  redis.call('ZREM', USED_UNTIL, node)
end
local seen, models, change = {}, {}, 'none'
for _, json in ipairs(redis.call('HVALS', USED)) do
  for _, model in ipairs(cjson.decode(json)) do
    if not seen[model] then models[#models + 1] = model end
    seen[model] = true
  end
end
table.sort(models)
local used = table.concat(models, '\\0')
local announced, at = unpack(redis.call('HMGET', ANNOUNCED, 'models', 'at'))
if used ~= (announced or '') then
  change = at and now - at < tonumber(ARGV[10]) and 'soon' or 'announce'
  if change == 'announce' then redis.call('HSET', ANNOUNCED, 'models', used, 'at', now) end
end

for _, key in ipairs({POOL, LEASES, LEAVING, NODES, STATUS, EPOCH, USED, USED_UNTIL, ANNOUNCED}) do
  redis.call('PEXPIRE', key, ARGV[6])
end
return {epoch, known, changes(false), gone, #sids >= most and 1 or 0, change, models}
`);

/** Forgets a node; what it leaves behind is reaped. */
export const REMOVE_NODE: Script = script(`${NAMES}
-- ARGV  1 node id
if redis.call('EXISTS', NODE .. ARGV[1]) == 1 then redis.call('ZADD', NODES, 0, ARGV[1])
else redis.call('ZREM', NODES, ARGV[1]) end
return 1
`);

const READ = `
local out = {}
if #ids == 0 then return {total, start, out} end
local names = redis.call('HMGET', NAMES, unpack(ids))
local statuses = redis.call('HMGET', STATUS, unpack(ids))
local times = redis.call('ZMSCORE', SEEN, unpack(ids))
for i, id in ipairs(ids) do
  if names[i] then
    local status = (statuses[i] or 'offline'):gsub('%?$', '')
    out[#out + 1] = {id, names[i], status, times[i]}
  end
end
return {total, start, out}
`;

/** The users of some ids, as far as they are known. */
export const PRESENCE: Script = script(`${NAMES}
-- ARGV  the ids, at most 1,000
-- {0, 0, users, each {id, name, status, last active}}
local ids, total, start = ARGV, 0, 0
${READ}`);

/** A page of the users who were active last. */
export const RECENT: Script = script(`${NAMES}
-- ARGV  1 most users, at most 1,000   then the last user of the page before: id, last active
-- {how many users there are, how many come before the page, users}
local start = 0
if ARGV[2] then
  -- the place where the user was, for who has been active since has another
  local at = redis.call('ZSCORE', SEEN, ARGV[2])
  redis.call('ZADD', SEEN, ARGV[3], ARGV[2])
  start = redis.call('ZREVRANK', SEEN, ARGV[2]) + 1
  if at then redis.call('ZADD', SEEN, at, ARGV[2])
  else
    redis.call('ZREM', SEEN, ARGV[2])
    start = start - 1
  end
end
local total = redis.call('ZCARD', SEEN)
local ids = redis.call('ZRANGE', SEEN, start, start + ARGV[1] - 1, 'REV')
${READ}`);
