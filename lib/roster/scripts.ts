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
  ...["session_pool", "session_leases", "session_leaving", "user_sessions:", "node_sessions:", "nodes"],
  ...["presence", "last_active", "last_active:names", "saved:", "roster:epoch", "roster:step"],
  ...["usage_pool", "usage_pool:nodes", "usage_pool:announced"],
];

const READ = `
local POOL, LEASES, LEAVING, USER, NODE, NODES, STATUS, SEEN, NAMES, SAVED, EPOCH, STEP, USED, USED_BY, ANNOUNCED = unpack(KEYS)
local call = redis.call
`;

const WRITE_HEAD = `${READ}
-- ARGV  1 now (or '': the clock of Redis)   2 the epoch that the writer knows (or '')   3 an epoch, if there is none
--       4 node id   5 lease of the node in ms   6 ttl in ms of what has no lease   then the script's own
-- {epoch, 1 or 0: the node's lease had run out, number of the step, changes, each {user id, name, status, last active},
-- then the script's own}; or {epoch} alone and nothing done, where the store holds other contents than the writer knows
local now, ttl = tonumber(ARGV[1]), tonumber(ARGV[6])
if not now then
  local time = call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
call('SET', EPOCH, ARGV[3], 'NX', 'PX', ttl)
local epoch = call('GET', EPOCH)
if ARGV[2] ~= '' and ARGV[2] ~= epoch then return {epoch} end
local lease = call('ZSCORE', NODES, ARGV[4])
local known = lease and tonumber(lease) > now and 1 or 0
call('ZADD', NODES, now + ARGV[5], ARGV[4])
-- also after a loss they go on from a higher number
call('SET', STEP, call('TIME')[1] .. '000000', 'NX')
local step = call('INCR', STEP)

local users, order = {}, {}
-- the marks of a user's sessions, whom changes() then looks at
local function marks(id)
  if not users[id] then
    users[id] = {}
    order[#order + 1] = id
    local flat = call('HGETALL', USER .. id)
    for i = 1, #flat, 2 do users[id][flat[i]] = flat[i + 1] end
  end
  return users[id]
end

local function mark(id, sid, value)
  marks(id)[sid] = value
  call('HSET', USER .. id, sid, value)
end

local function drop(id, sid, node)
  marks(id)[sid] = nil
  call('HDEL', USER .. id, sid)
  call('HDEL', POOL, sid)
  call('HDEL', LEAVING, sid)
  call('ZREM', LEASES, sid)
  call('SREM', NODE .. node, sid)
end

local function changes(silent)
  local out = {}
  for _, id in ipairs(order) do
    local status = 'offline'
    for _, mark in pairs(users[id]) do
      if mark:sub(1, 1) == '1' then status = 'online' break end
      status = 'away'
    end
    local before = call('HGET', STATUS, id) or 'offline'
    local told = before ~= 'offline' and before:sub(-1) ~= '?'
    if status ~= before:gsub('%?$', '') then
      if told or not silent then
        told = true
        out[#out + 1] = {id, call('HGET', NAMES, id) or id, status, call('ZSCORE', SEEN, id)}
      end
      if status == 'offline' then call('HDEL', STATUS, id)
      else call('HSET', STATUS, id, told and status or status .. '?') end
    end
  end
  return out
end
`;

/** How many arguments a session takes in {@linkcode WRITE}. */
const LEAVE_ARGS = 10, ENTRY_ARGS = 13;

/** Writes who leaves, then who comes or stays. */
export const WRITE: Script = script(`${WRITE_HEAD}
-- ARGV  7 silent (0 or 1)   8 how many leave
--       ${LEAVE_ARGS} for each of them: sid, user id, name, node id, connectedAt, last active (0: never), grace in ms,
--         private id (or ''), value to keep (or ''), for how many ms (0: drop it)
--       ${ENTRY_ARGS} for each of the others: the same first six, active (0 or 1), lease in ms, most of the user (or -1),
--         private id, value, for how many ms, record
-- … added, refused and taken sids
local at, added, refused, taken, nodes = 9, {}, {}, {}, {}
local function take(count)
  at = at + count
  return unpack(ARGV, at - count, at - 1)
end
local function see(id, name, time)
  call('ZADD', SEEN, 'GT', time, id)
  call('HSET', NAMES, id, name)
end
local function keep(pid, value, ms)
  if pid == '' then return end
  if value ~= '' then call('SET', SAVED .. pid, value, 'PX', ms) else call('PEXPIRE', SAVED .. pid, ms) end
end

for _ = 1, tonumber(ARGV[8]) do
  local sid, id, name, node, connected, seen, grace, pid, value, ms = take(${LEAVE_ARGS})
  local held = call('HGET', USER .. id, sid)
  if held and held:sub(2) == '+' .. connected .. ':' .. node then
    local record = call('HGET', POOL, sid)
    drop(id, sid, node)
    if record and tonumber(grace) > 0 then
      mark(id, sid, held:sub(1, 1) .. '-' .. held:sub(3))
      call('PEXPIRE', USER .. id, grace + ttl)
      call('HSET', LEAVING, sid, record)
      call('ZADD', LEASES, now + grace, sid)
    end
    keep(pid, value, ms)
  end
  see(id, name, seen)
end

while at < #ARGV do
  local sid, id, name, node, connected, seen, active, lease, most, pid, value, ms, record = take(${ENTRY_ARGS})
  local is, was = active .. '+' .. connected .. ':' .. node, call('HGET', USER .. id, sid)
  local was_open = was and was:sub(2, 2) == '+'
  local since, owner = (was or ''):match('^..([^:]*):(.*)$')
  local open = 0
  if not was_open and most ~= '-1' then
    for _, mark in pairs(marks(id)) do if mark:sub(2, 2) == '+' then open = open + 1 end end
  end
  if was and owner ~= node and tonumber(since) > tonumber(connected) then
    taken[#taken + 1] = sid
  elseif not was_open and most ~= '-1' and open >= tonumber(most) then
    refused[#refused + 1] = sid
  else
    if was ~= is then
      if was then drop(id, sid, owner) end
      mark(id, sid, is)
      call('SADD', NODE .. node, sid)
    end
    if not was_open then added[#added + 1] = sid end
    call('HSET', POOL, sid, record)
    call('ZADD', LEASES, now + lease, sid)
    call('PEXPIRE', USER .. id, lease + ttl)
    nodes[node] = math.max(nodes[node] or 0, lease)
    see(id, name, seen)
    keep(pid, value, ms)
  end
end
for node, lease in pairs(nodes) do call('PEXPIRE', NODE .. node, lease + ttl) end
return {epoch, known, step, changes(ARGV[7] == '1'), added, refused, taken}
`);

/** Reaps first the sessions of dead nodes, then those whose own lease has run out; and takes a node's report of use. */
export const TICK: Script = script(`${WRITE_HEAD}
-- ARGV  7 most sessions to reap   8 most users whose last activity is kept   9 ttl of a report of use in ms
--       10 ms between two announcements of use   then the models that the node uses
-- … records of open sessions that are gone, 1 or 0: there may be more, announce | soon | none, models of the fleet
local most, sids, gone = tonumber(ARGV[7]), {}, {}
local function take(list) for _, sid in ipairs(list) do sids[#sids + 1] = sid end end
for _, node in ipairs(call('ZRANGE', NODES, '-inf', now, 'BYSCORE', 'LIMIT', 0, most)) do
  if #sids < most then
    take(call('SPOP', NODE .. node, most - #sids))
    if call('EXISTS', NODE .. node) == 0 then call('ZREM', NODES, node) end
  end
end
take(call('ZRANGE', LEASES, '-inf', now, 'BYSCORE', 'LIMIT', 0, most - #sids))
for _, sid in ipairs(sids) do
  local open = call('HGET', POOL, sid)
  local record = open or call('HGET', LEAVING, sid)
  if record then
    local fields = cjson.decode(record)
    drop(fields.user.id, sid, fields.nodeId)
  else
    call('ZREM', LEASES, sid)
  end
  if open then gone[#gone + 1] = open end
end

local surplus = call('ZCARD', SEEN) - ARGV[8]
local oldest = surplus > 0 and call('ZPOPMIN', SEEN, math.min(surplus, 1000)) or {}
for i = 1, #oldest, 2 do call('HDEL', NAMES, oldest[i]) end

local own, seen, models, change = {}, {}, {}, 'none'
for i = 11, #ARGV do own[#own + 1] = ARGV[i] end
if #own > 0 then call('HSET', USED, ARGV[4], cjson.encode(own)) end
call('ZADD', USED_BY, #own > 0 and now + ARGV[9] or 0, ARGV[4])
for _, node in ipairs(call('ZRANGE', USED_BY, '-inf', now, 'BYSCORE')) do
  call('HDEL', USED, node)
  call('ZREM', USED_BY, node)
end
for _, json in ipairs(call('HVALS', USED)) do
  for _, model in ipairs(cjson.decode(json)) do
    if not seen[model] then models[#models + 1] = model end
    seen[model] = true
  end
end
table.sort(models)
local used, announced = table.concat(models, '\\0'), call('HMGET', ANNOUNCED, 'models', 'at')
if used ~= (announced[1] or '') then
  change = announced[2] and now - announced[2] < tonumber(ARGV[10]) and 'soon' or 'announce'
  if change == 'announce' then call('HSET', ANNOUNCED, 'models', used, 'at', now) end
end

for _, key in ipairs({POOL, LEASES, LEAVING, NODES, STATUS, EPOCH, STEP, USED, USED_BY, ANNOUNCED}) do
  call('PEXPIRE', key, ttl)
end
return {epoch, known, step, changes(false), gone, #sids >= most and 1 or 0, change, models}
`);

/** How some users are, as far as they are known: those of some ids, or a page of those who were active last. */
export const USERS: Script = script(`${READ}
-- ARGV  1 most users, at most 1,000 (or '')   then the ids; or the last user of the page before: id, last active
-- {how many users there are, how many come before the page, users, each {id, name, status, last active}}
local ids, start, out = {}, 0, {}
local most = tonumber(ARGV[1])
if most and ARGV[2] then
  -- the place where the user was, for who has been active since has another
  local at = call('ZSCORE', SEEN, ARGV[2])
  call('ZADD', SEEN, ARGV[3], ARGV[2])
  start = call('ZREVRANK', SEEN, ARGV[2]) + (at and 1 or 0)
  if at then call('ZADD', SEEN, at, ARGV[2]) else call('ZREM', SEEN, ARGV[2]) end
end
if most then ids = call('ZRANGE', SEEN, start, start + most - 1, 'REV')
else for i = 2, #ARGV do ids[i - 1] = ARGV[i] end end
if #ids > 0 then
  local names, statuses = call('HMGET', NAMES, unpack(ids)), call('HMGET', STATUS, unpack(ids))
  local times = call('ZMSCORE', SEEN, unpack(ids))
  for i, id in ipairs(ids) do
    local status = (statuses[i] or 'offline'):gsub('%?$', '')
    if names[i] then out[#out + 1] = {id, names[i], status, times[i]} end
  end
end
return {call('ZCARD', SEEN), start, out}
`);
