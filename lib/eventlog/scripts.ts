/**
 * The scripts of the event log. Redis runs one at a time, so that all inboxes hold two events in the same order. The
 * keys of rooms and nodes are built from their prefixes, which share the hash tag of the others.
 *
 * `clock` is a stream of one entry, whose ids are the places of all entries everywhere: they only grow, whatever the
 * server's clock does. `inboxes` has each node by its last sign of life. A node reads its own inbox and makes it; where
 * there is none, nothing is added.
 */
import { script } from "../redis/script.ts";

const PLACE = `
local function place()
  return redis.call('XADD', KEYS[1], 'MAXLEN', '~', 1, '*', 'c', '')
end
`;

/** Adds the events and messages of a batch to the inboxes of the nodes that they concern. */
export const PUBLISH = script(`
-- KEYS  1 clock   2 sent   3 inboxes   4 session_pool   5 route:   6 inbox:
-- ARGV  1 node   2 number of the batch   3 whether it is sent again   4 most entries of an inbox
--       5 how long ago in ms a node must have shown a sign of life to be waited for
--       then an item: flags (o: the sender reads it too, q: answer where it went, n: names are nodes), how many names,
--       the names, header, text
-- for each item with a q the nodes that it went to and that are there
${PLACE}
local from, number = ARGV[1], ARGV[2]
if ARGV[3] == '1' and tonumber(redis.call('HGET', KEYS[2], from) or 0) >= tonumber(number) then return {} end
redis.call('HSET', KEYS[2], from, number)
local entries, known, answers = {}, {}, {}
local function nodesOf(room)
  local nodes = known[room]
  if not nodes then
    nodes = redis.call('SMEMBERS', KEYS[5] .. room)
    if #nodes == 0 then
      local record = redis.call('HGET', KEYS[4], room)
      if record then nodes = {cjson.decode(record).nodeId} end
    end
    known[room] = nodes
  end
  return nodes
end
local function there(nodes)
  local time = redis.call('TIME')
  local since = time[1] * 1000 + math.floor(time[2] / 1000) - ARGV[5]
  local answer = {}
  for _, node in ipairs(nodes) do
    if tonumber(redis.call('ZSCORE', KEYS[3], node) or 0) > since then answer[#answer + 1] = node end
  end
  return answer
end
local at = 6
while at < #ARGV do
  local flags, count = ARGV[at], tonumber(ARGV[at + 1])
  local text = at + count + 3
  local targets, seen = {}, {[from] = true}
  local function add(nodes)
    for _, node in ipairs(nodes) do
      if not seen[node] then
        seen[node] = true
        targets[#targets + 1] = node
      end
    end
  end
  if string.find(flags, 'o', 1, true) then targets[1] = from end
  if count == 0 then
    if not known[1] then known[1] = redis.call('ZRANGE', KEYS[3], 0, -1) end
    add(known[1])
  end
  for i = at + 2, at + 1 + count do
    if string.find(flags, 'n', 1, true) then add({ARGV[i]}) else add(nodesOf(ARGV[i])) end
  end
  for _, node in ipairs(targets) do
    local entry = entries[node]
    if not entry then
      entry = {from, number}
      entries[node] = entry
    end
    entry[#entry + 1] = ARGV[text - 1]
    entry[#entry + 1] = ARGV[text]
  end
  if string.find(flags, 'q', 1, true) then answers[#answers + 1] = there(targets) end
  at = text + 1
end
local id = place()
for node, entry in pairs(entries) do
  redis.call('XADD', KEYS[6] .. node, 'NOMKSTREAM', 'MAXLEN', '~', ARGV[4], id, unpack(entry))
end
return answers
`);

const ROUTES = `
local function hold(node, first, last)
  for i = first, last do
    redis.call('SADD', KEYS[2] .. ARGV[i], node)
    redis.call('PEXPIRE', KEYS[2] .. ARGV[i], ARGV[2])
    redis.call('SADD', KEYS[3] .. node, ARGV[i])
  end
end
`;

/** Takes rooms on for a node; with a mark, there is an entry in its inbox after which it has all of their events. */
export const HOLD = script(`
-- KEYS  1 clock   2 route:   3 rooms:   4 inbox:
-- ARGV  1 node   2 time to live in ms   3 whether to mark   then rooms
-- the mark's place
${PLACE}${ROUTES}
hold(ARGV[1], 4, #ARGV)
if ARGV[3] == '0' then return false end
return redis.call('XADD', KEYS[4] .. ARGV[1], place(), ARGV[1], '0')
`);

/** A node's sign of life, which renews what it holds, and what it learns by it. */
export const BEAT = script(`
-- KEYS  1 clock   2 route:   3 rooms:   4 inbox:   5 inboxes   6 sent
-- ARGV  1 node   2 time to live in ms   3 how long entries are kept in ms   4 how long after its last sign of life a
--       node is cleared away in ms   5 how long it counts as there in ms   6 how many rooms it lets go
--       then these, then some that it holds
-- place of the sign, age of the one before (-1: none), the server's run, the inbox's first place,
-- the nodes that are there with the age of their signs, a node to clear away
${PLACE}${ROUTES}
local node, first = ARGV[1], 7 + ARGV[6]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local before = redis.call('ZSCORE', KEYS[5], node)
redis.call('ZADD', KEYS[5], now, node)
for i = 7, first - 1 do
  redis.call('SREM', KEYS[2] .. ARGV[i], node)
  redis.call('SREM', KEYS[3] .. node, ARGV[i])
end
hold(node, first, #ARGV)
local inbox = KEYS[4] .. node
local oldest = string.format('%.0f-0', now - ARGV[3])
local id = redis.call('XADD', inbox, 'MINID', '~', oldest, place(), node, '0')
for _, key in ipairs({KEYS[1], KEYS[3] .. node, inbox, KEYS[5], KEYS[6]}) do
  redis.call('PEXPIRE', key, ARGV[2])
end
local nodes = redis.call('ZRANGEBYSCORE', KEYS[5], now - ARGV[5], '+inf', 'WITHSCORES')
for i = 2, #nodes, 2 do nodes[i] = now - nodes[i] end
return {
  id,
  before and now - before or -1,
  string.match(redis.call('INFO', 'server'), 'run_id:(%w+)'),
  redis.call('XRANGE', inbox, '-', '+', 'COUNT', 1)[1][1],
  nodes,
  redis.call('ZRANGEBYSCORE', KEYS[5], '-inf', now - ARGV[4], 'LIMIT', 0, 1)[1] or '',
}
`);

/** Clears away some of what a dead node held, and at last its inbox. */
export const CLEAR = script(`
-- KEYS  1 route:   2 rooms:   3 inbox:   4 inboxes   5 sent
-- ARGV  1 node   2 most rooms   3 how long after its last sign of life in ms
-- 1 when there is more
local node = ARGV[1]
local last = redis.call('ZSCORE', KEYS[4], node)
if not last or redis.call('TIME')[1] * 1000 - last < tonumber(ARGV[3]) then return 0 end
for _, room in ipairs(redis.call('SPOP', KEYS[2] .. node, ARGV[2])) do
  redis.call('SREM', KEYS[1] .. room, node)
end
if redis.call('EXISTS', KEYS[2] .. node) == 1 then return 1 end
redis.call('UNLINK', KEYS[3] .. node)
redis.call('ZREM', KEYS[4], node)
redis.call('HDEL', KEYS[5], node)
return 0
`);
