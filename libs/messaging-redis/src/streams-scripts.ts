/**
 * Lua scripts for work that the server has to do in one step. The first argument of each script is the prefix of the keys, from which all
 * names follow. The key of a stream is the prefix and the topic. Keys of the driver's own have a dot after the prefix, as no topic does.
 *
 * `.topics`     sorted set: each topic with the number of its registration
 * `.sequence`   the last of these numbers
 * `.patterns`   hash: the fields are group, line feed, pattern with wildcards
 * `.readers`    sorted set: the private groups of subscribers without a group, each with the end of its lease (ms)
 * `.turns`      hash: the leases of topics; the fields are group, line feed, topic; the values consumer, space, end of the lease (ms)
 * `.life`       the data set: when the driver first found the server empty (µs); a server that was emptied gets another
 * `.signals`    channel: `topic` after a registration, `returned <group>` after entries or a lease were given back
 *
 * This is what every script begins with.
 */
export const prelude = `
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
local function dataSet()
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

/** Arguments: topic. Registers it, and creates every group whose pattern it matches, from its first message on. */
export const registerScript = `${prelude}
register(ARGV[2])
return 1
`

/** Answers the data set and the number of the last registration in it. */
export const dataSetScript = `${prelude}
return { dataSet(), tonumber(redis.call('GET', prefix .. '.sequence') or '0') }
`

/**
 * Arguments: group, topics... Answers two ids for each topic: the last one of its stream, and the last one that the group has read, which is
 * empty where there is no such group.
 */
export const readIdsScript = `${prelude}
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
 * Arguments: group, pattern, start (an id or $), lease in ms (0 = the group stays), 1 if the pattern has wildcards. Creates the group on each
 * stream of the pattern, and removes the patterns of dead readers. Answers the number of the last registration, then each topic and the id
 * after which the group begins.
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
  -- A topic without this group was made while no consumer of the group was here: it is read from its beginning.
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

/** Arguments: private group, pattern, topics... Removes a subscriber without a group. */
export const forgetScript = `${prelude}
redis.call('ZREM', prefix .. '.readers', ARGV[2])
redis.call('HDEL', prefix .. '.patterns', ARGV[2] .. '\\n' .. ARGV[3])
for at = 4, #ARGV do redis.pcall('XGROUP', 'DESTROY', prefix .. ARGV[at], ARGV[2]) end
return 1
`

/** Arguments: private group, lease in ms. Renews the lease of a subscriber without a group. */
export const renewReaderScript = `${prelude}
return redis.call('ZADD', prefix .. '.readers', now() + ARGV[3], ARGV[2])
`

/**
 * Arguments: topic, bound in messages, 1 if messages are kept where there is no group, prefix of private groups. Near the bound it removes the
 * groups of dead readers and cuts off the oldest messages that every group has settled. Answers how many messages are left and the group that
 * has yet to settle the oldest.
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

/** The command that runs a script. */
export const call = (script: string, prefix: string, ...args: readonly string[]): readonly string[] => [
  'EVAL',
  script,
  '0',
  prefix,
  ...args,
]
