/**
 * The scripts of the session store. Each runs as one step for everybody else. The keys of users and nodes are built
 * from their prefix, which shares the hash tag of the others.
 *
 * A sid is in `node_sessions:{id}` of the node that its record names, and of no other. The lease of a session that a
 * reaper has claimed ends at half a millisecond; no other lease does, so that a claim is never taken for a lease.
 */
import { script } from "../redis/script.ts";

/** Writes records and leases. */
export const PUT = script(`
-- KEYS  1 session_pool   2 session_leases   3 user_sessions:   4 node_sessions:
-- ARGV  1 ttl of the sets in ms
--       then seven an entry: sid, user id, node id, connectedAt, lease end, most of the user (or -1), record
-- three lists of sids: added, refused, taken
local added, refused, taken = {}, {}, {}
local nodes = {}
for i = 2, #ARGV, 7 do
  local sid, user, node, most = ARGV[i], KEYS[3] .. ARGV[i + 1], KEYS[4] .. ARGV[i + 2], tonumber(ARGV[i + 5])
  local known = redis.call('SISMEMBER', node, sid) == 1
  local old = not known and redis.call('HGET', KEYS[1], sid)
  local before = old and cjson.decode(old)
  if before and before.nodeId ~= ARGV[i + 2] and before.connectedAt > tonumber(ARGV[i + 3]) then
    taken[#taken + 1] = sid
  elseif not known and not before and most >= 0 and redis.call('SCARD', user) >= most then
    refused[#refused + 1] = sid
  else
    local lease = redis.call('ZSCORE', KEYS[2], sid)
    if not lease or tonumber(lease) % 1 ~= 0 then added[#added + 1] = sid end
    if before then
      redis.call('SREM', KEYS[4] .. before.nodeId, sid)
      redis.call('SREM', KEYS[3] .. before.user.id, sid)
    end
    redis.call('HSET', KEYS[1], sid, ARGV[i + 6])
    redis.call('ZADD', KEYS[2], ARGV[i + 4], sid)
    redis.call('SADD', user, sid)
    redis.call('PEXPIRE', user, ARGV[1])
    redis.call('SADD', node, sid)
    nodes[node] = true
  end
end
for node in pairs(nodes) do redis.call('PEXPIRE', node, ARGV[1]) end
return {added, refused, taken}
`);

const DROP = `
local function drop(sid, user, node)
  redis.call('HDEL', KEYS[1], sid)
  redis.call('ZREM', KEYS[2], sid)
  redis.call('SREM', KEYS[3] .. user, sid)
  redis.call('SREM', KEYS[4] .. node, sid)
end
`;

/** Removes sessions that are still the same connection of the same node. */
export const REMOVE = script(`
-- KEYS  1 session_pool   2 session_leases   3 user_sessions:   4 node_sessions:
-- ARGV  four a session: sid, user id, node id, connectedAt
${DROP}
for i = 1, #ARGV, 4 do
  local json = redis.call('HGET', KEYS[1], ARGV[i])
  local held = json and cjson.decode(json)
  if held and held.nodeId == ARGV[i + 2] and held.connectedAt == tonumber(ARGV[i + 3]) then
    drop(ARGV[i], ARGV[i + 1], ARGV[i + 2])
  end
end
return 1
`);

/** Claims what has expired: first the sessions of dead nodes, then those whose own lease has run out. */
export const CLAIM = script(`
-- KEYS  1 session_pool   2 session_leases   3 nodes   4 node_sessions:
-- ARGV  1 now   2 end of the claim   3 most sessions
-- the claimed records
local most = tonumber(ARGV[3])
local sids = {}
local function claim(list)
  for _, sid in ipairs(list) do
    redis.call('ZADD', KEYS[2], 'XX', ARGV[2], sid)
    sids[#sids + 1] = sid
  end
end
for _, node in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', ARGV[1], 'LIMIT', 0, most)) do
  if #sids < most then
    claim(redis.call('SPOP', KEYS[4] .. node, most - #sids))
    if redis.call('EXISTS', KEYS[4] .. node) == 0 then redis.call('ZREM', KEYS[3], node) end
  end
end
if #sids < most then
  claim(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', ARGV[1], 'LIMIT', 0, most - #sids))
end
if #sids == 0 then return {} end
local records = redis.call('HMGET', KEYS[1], unpack(sids))
for i, record in ipairs(records) do
  if not record then redis.call('ZREM', KEYS[2], sids[i]) end
end
return records
`);

/** Removes the sessions of a claim, except those that somebody has renewed or claimed since. */
export const FINISH = script(`
-- KEYS  1 session_pool   2 session_leases   3 user_sessions:   4 node_sessions:
-- ARGV  1 end of the claim   then three a session: sid, user id, node id
${DROP}
for i = 2, #ARGV, 3 do
  if tonumber(redis.call('ZSCORE', KEYS[2], ARGV[i]) or 0) == tonumber(ARGV[1]) then
    drop(ARGV[i], ARGV[i + 1], ARGV[i + 2])
  end
end
return 1
`);

/** Reads the records of a user's sessions. */
export const OF_USER = script(`
-- KEYS  1 session_pool   2 user_sessions:{id}
-- the records
local sids = redis.call('SMEMBERS', KEYS[2])
if #sids == 0 then return {} end
return redis.call('HMGET', KEYS[1], unpack(sids))
`);

/** Extends the lease of a node. */
export const RENEW_NODE = script(`
-- KEYS  1 nodes
-- ARGV  1 node id   2 now   3 lease end
-- 1, or 0 when the node had no lease or it had run out
local lease = redis.call('ZSCORE', KEYS[1], ARGV[1])
redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1])
if lease and tonumber(lease) > tonumber(ARGV[2]) then return 1 end
return 0
`);

/** Forgets a node; the reaper takes what is left of it. */
export const REMOVE_NODE = script(`
-- KEYS  1 nodes   2 node_sessions:{id}
-- ARGV  1 node id
if redis.call('EXISTS', KEYS[2]) == 1 then
  redis.call('ZADD', KEYS[1], 0, ARGV[1])
else
  redis.call('ZREM', KEYS[1], ARGV[1])
end
return 1
`);
