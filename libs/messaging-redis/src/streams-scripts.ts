/**
 * What has to happen on the server in one step, in Lua. Every script begins with the keys' prefix, from which all names follow: the stream
 * of a topic is prefix + topic; own keys begin with a dot after the prefix, as no topic does.
 *
 * `.topics`     sorted set: each topic with the number of its registration
 * `.sequence`   the last of these numbers
 * `.patterns`   hash: group, line feed, pattern with wildcards
 * `.readers`    sorted set: subscribers without a group, with the time (ms) until which they are believed to live
 * `.turns`      hash: group, line feed, topic; the member whose turn it is, space, until when (ms)
 * `.life`       when this was begun on an empty server, in µs: what is known from another life holds no more
 * `.signals`    channel: `topic` for a new one, `returned <group>` for messages that a group may take over
 */
const prelude = `
local prefix = ARGV[1]
local function split(text)
  local tokens = {}
  for token in string.gmatch(text, '[^.]+') do tokens[#tokens + 1] = token end
  return tokens
end
local function matches(pattern, topic)
  local want, have = split(pattern), split(topic)
  for at, token in ipairs(want) do
    if have[at] == nil then return false end
    if token == '>' then return true end
    if token ~= '*' and token ~= have[at] then return false end
  end
  return #want == #have
end
local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function numberBefore(one, other)
  if #one ~= #other then return #one < #other end
  return one < other
end
local function before(one, other)
  local ms1, seq1 = string.match(one, '(%d+)-(%d+)')
  local ms2, seq2 = string.match(other, '(%d+)-(%d+)')
  if ms1 ~= ms2 then return numberBefore(ms1, ms2) end
  return numberBefore(seq1, seq2)
end
local function fields(list)
  local map = {}
  for at = 1, #list, 2 do map[list[at]] = list[at + 1] end
  return map
end
local function lastId(topic)
  local info = redis.pcall('XINFO', 'STREAM', prefix .. topic)
  if info.err then return '0-0' end
  return fields(info)['last-generated-id']
end
local function create(topic, group, id)
  local made = redis.pcall('XGROUP', 'CREATE', prefix .. topic, group, id, 'MKSTREAM')
  if made.err and not string.find(made.err, 'BUSYGROUP') then error(made.err) end
end
local function life()
  local known = redis.call('GET', prefix .. '.life')
  if known then return known end
  local time = redis.call('TIME')
  local begun = string.format('%.0f', time[1] * 1000000 + time[2])
  redis.call('SET', prefix .. '.life', begun)
  return begun
end
local function register(topic)
  if redis.call('ZSCORE', prefix .. '.topics', topic) then return end
  redis.call('ZADD', prefix .. '.topics', redis.call('INCR', prefix .. '.sequence'), topic)
  local all = redis.call('HKEYS', prefix .. '.patterns')
  for _, field in ipairs(all) do
    local group, pattern = string.match(field, '^(.*)\\n([^\\n]*)$')
    if matches(pattern, topic) then create(topic, group, '0') end
  end
  redis.pcall('PUBLISH', prefix .. '.signals', 'topic')
end
`

/** topic: makes it known, with every group whose pattern it matches, from its first message on. */
export const registerScript = `${prelude}
register(ARGV[2])
return 1
`

/** Answers the life, and the number of the last topic that was registered in it. */
export const lifeScript = `${prelude}
return { life(), tonumber(redis.call('GET', prefix .. '.sequence') or '0') }
`

/** group, topics...: answers of each topic the last id of its stream, and the id up to which the group has read, empty where it is not there. */
export const standScript = `${prelude}
local answer = {}
for at = 3, #ARGV do
  local place = ''
  local groups = redis.pcall('XINFO', 'GROUPS', prefix .. ARGV[at])
  if not groups.err then
    for _, raw in ipairs(groups) do
      local info = fields(raw)
      if info.name == ARGV[2] then place = info['last-delivered-id'] end
    end
  end
  answer[#answer + 1] = lastId(ARGV[at])
  answer[#answer + 1] = place
end
return answer
`

/**
 * group, pattern, start (an id, or $), lease in ms (0 = a group that stays), 1 if the pattern has wildcards. Answers the number of the last
 * topic that was looked at, then each topic and the id after which the group begins.
 */
export const joinScript = `${prelude}
local group, pattern, start, lease, wild = ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5]), ARGV[6] == '1'
for _, dead in ipairs(redis.call('ZRANGEBYSCORE', prefix .. '.readers', '-inf', now())) do
  for _, field in ipairs(redis.call('HKEYS', prefix .. '.patterns')) do
    if string.sub(field, 1, #dead + 1) == dead .. '\\n' then redis.call('HDEL', prefix .. '.patterns', field) end
  end
  redis.call('ZREM', prefix .. '.readers', dead)
end
if lease > 0 then redis.call('ZADD', prefix .. '.readers', now() + lease, group) end
local topics = { pattern }
if wild then
  local isNew = redis.call('HSETNX', prefix .. '.patterns', group .. '\\n' .. pattern, now()) == 1
  -- What the group has not yet was created while none of its members was here.
  if not isNew then start = '0-0' end
  topics = {}
  for _, topic in ipairs(redis.call('ZRANGE', prefix .. '.topics', 0, -1)) do
    if matches(pattern, topic) then topics[#topics + 1] = topic end
  end
else
  register(pattern)
end
local answer = { tonumber(redis.call('GET', prefix .. '.sequence') or '0') }
for _, topic in ipairs(topics) do
  local last = lastId(topic)
  local place = start
  if start == '$' or before(last, start) then place = last end
  create(topic, group, place)
  answer[#answer + 1] = topic
  answer[#answer + 1] = place
end
return answer
`

/** group, pattern, topics...: forgets a subscriber without a group. */
export const forgetScript = `${prelude}
redis.call('ZREM', prefix .. '.readers', ARGV[2])
redis.call('HDEL', prefix .. '.patterns', ARGV[2] .. '\\n' .. ARGV[3])
for at = 4, #ARGV do redis.pcall('XGROUP', 'DESTROY', prefix .. ARGV[at], ARGV[2]) end
return 1
`

/** group, lease in ms: the subscriber without a group lives. */
export const leaseScript = `${prelude}
return redis.call('ZADD', prefix .. '.readers', now() + ARGV[3], ARGV[2])
`

/**
 * topic, most messages, 1 if it is kept without groups, what readers' names begin with. Near the bound it cuts off the oldest messages that
 * every group has settled, and the groups of readers that are gone. Answers how many messages are left and the group that holds the oldest.
 */
export const trimScript = `${prelude}
local key, most, keeps, readers = prefix .. ARGV[2], tonumber(ARGV[3]), ARGV[4] == '1', ARGV[5]
local length = redis.call('XLEN', key)
if length < most - math.floor(most / 8) then return { length, '' } end
local from, holder
for _, raw in ipairs(redis.call('XINFO', 'GROUPS', key)) do
  local group = fields(raw)
  local lease = 1
  if string.sub(group.name, 1, #readers) == readers then
    lease = tonumber(redis.call('ZSCORE', prefix .. '.readers', group.name) or '0') - now()
  end
  if lease <= 0 then
    redis.call('XGROUP', 'DESTROY', key, group.name)
  else
    local first
    if group.pending > 0 then
      first = redis.call('XPENDING', key, group.name)[2]
    else
      local ms, seq = string.match(group['last-delivered-id'], '(%d+)-(%d+)')
      if #seq < 16 then first = ms .. '-' .. string.format('%.0f', tonumber(seq) + 1) else first = ms .. '-' .. seq end
    end
    if from == nil or before(first, from) then from, holder = first, group.name end
  end
end
local target = most - math.floor(most / 4)
if from ~= nil then
  redis.call('XTRIM', key, 'MINID', '~', from, 'LIMIT', length - target)
  if redis.call('XLEN', key) >= most then redis.call('XTRIM', key, 'MINID', from) end
elseif not keeps then
  redis.call('XTRIM', key, 'MAXLEN', '~', target)
  if redis.call('XLEN', key) >= most then redis.call('XTRIM', key, 'MAXLEN', target) end
end
return { redis.call('XLEN', key), holder or '' }
`

/** topic, group, consumer, ids...: claims anew what the consumer has still. Answers what it has no more. */
export const renewScript = `${prelude}
local key, group, consumer = prefix .. ARGV[2], ARGV[3], ARGV[4]
local lost = {}
for at = 5, #ARGV do
  local id = ARGV[at]
  local mine = redis.pcall('XPENDING', key, group, id, id, 1, consumer)
  if mine.err or #mine == 0 then
    lost[#lost + 1] = id
  else
    redis.call('XCLAIM', key, group, consumer, 0, id, 'JUSTID')
  end
end
return lost
`

/**
 * topic, group, consumer, how many ids follow that stay, these ids, then the ids that a handler had. All else that the consumer has is free
 * to be taken at once, and what no handler had does not count as delivered.
 */
export const giveBackScript = `${prelude}
local key, group, consumer, kept = prefix .. ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local stays, handed = {}, {}
for at = 6, 5 + kept do stays[ARGV[at]] = true end
for at = 6 + kept, #ARGV do handed[ARGV[at]] = true end
local pending = redis.pcall('XPENDING', key, group, '-', '+', 1000000, consumer)
if pending.err then return 0 end
local returned = 0
for _, entry in ipairs(pending) do
  local id, count = entry[1], entry[4]
  if not stays[id] then
    if not handed[id] and count > 0 then count = count - 1 end
    redis.call('XCLAIM', key, group, '.returned', 0, id, 'IDLE', 86400000, 'RETRYCOUNT', count, 'JUSTID')
    returned = returned + 1
  end
end
if returned > 0 then redis.pcall('PUBLISH', prefix .. '.signals', 'returned ' .. group) end
return returned
`

/** topic, group, consumer: forgets it, and others of its kind that have been gone for an hour, if nothing is pending for them. */
export const leaveScript = `${prelude}
local key, group = prefix .. ARGV[2], ARGV[3]
local consumers = redis.pcall('XINFO', 'CONSUMERS', key, group)
if consumers.err then return 0 end
for _, raw in ipairs(consumers) do
  local consumer = fields(raw)
  local isGone = string.sub(consumer.name, 1, 9) == 'armature-' and consumer.idle > 3600000
  if consumer.pending == 0 and (consumer.name == ARGV[4] or isGone) then
    redis.call('XGROUP', 'DELCONSUMER', key, group, consumer.name)
  end
end
return 1
`

/**
 * group, consumer, lease in ms, topics...: takes the turn of each topic that is nobody's, or renews it. Answers the topics whose turn it is,
 * and those among them of which no other member has anything pending.
 */
export const turnScript = `${prelude}
local group, consumer, lease = ARGV[2], ARGV[3], tonumber(ARGV[4])
local time = now()
local mine, alone = {}, {}
for at = 5, #ARGV do
  local topic = ARGV[at]
  local field = group .. '\\n' .. topic
  local held = redis.call('HGET', prefix .. '.turns', field)
  local holder, untilMs = string.match(held or '', '^(.*) (%d+)$')
  if holder == nil or holder == consumer or tonumber(untilMs) < time then
    redis.call('HSET', prefix .. '.turns', field, consumer .. ' ' .. string.format('%.0f', time + lease))
    local pending = redis.pcall('XPENDING', prefix .. topic, group)
    local isAlone = true
    for _, other in ipairs(pending[4] or {}) do
      if other[1] ~= consumer and tonumber(other[2]) > 0 then isAlone = false end
    end
    mine[#mine + 1] = topic
    if isAlone then alone[#alone + 1] = topic end
  end
end
return { mine, alone }
`

/** group, consumer, topics...: somebody else's turn. */
export const passScript = `${prelude}
local passed = 0
for at = 4, #ARGV do
  local field = ARGV[2] .. '\\n' .. ARGV[at]
  local held = redis.call('HGET', prefix .. '.turns', field)
  if held and string.sub(held, 1, #ARGV[3] + 1) == ARGV[3] .. ' ' then
    passed = passed + redis.call('HDEL', prefix .. '.turns', field)
  end
end
if passed > 0 then redis.pcall('PUBLISH', prefix .. '.signals', 'returned ' .. ARGV[2]) end
return passed
`

/** A call of a script, as a command. */
export const call = (script: string, prefix: string, ...args: readonly string[]): readonly string[] => [
  'EVAL',
  script,
  '0',
  prefix,
  ...args,
]
