import { prelude } from './streams-scripts.ts'

/** Arguments: topic, group, consumer, ids... Claims anew the entries that are still pending for the consumer. Answers the others. */
export const renewEntriesScript = `${prelude}
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
 * Arguments: topic, group, consumer, a number, so many ids that the consumer keeps, then ids that a handler had. All other entries of the
 * consumer become idle, so that any consumer may claim them at once. Where no handler had an entry its delivery does not count.
 */
export const giveBackScript = `${prelude}
local key, group, consumer, kept = prefix .. ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local keeps, delivered = {}, {}
for at = 6, 5 + kept do keeps[ARGV[at]] = true end
for at = 6 + kept, #ARGV do delivered[ARGV[at]] = true end
local pending = redis.pcall('XPENDING', key, group, '-', '+', 1000000, consumer)
if pending.err then return 0 end
local returned = 0
for _, entry in ipairs(pending) do
  local id, count = entry[1], entry[4]
  if not keeps[id] then
    if not delivered[id] and count > 0 then count = count - 1 end
    redis.call('XCLAIM', key, group, '.returned', 0, id, 'IDLE', 86400000, 'RETRYCOUNT', count, 'JUSTID')
    returned = returned + 1
  end
end
if returned > 0 then redis.pcall('PUBLISH', prefix .. '.signals', 'returned ' .. group) end
return returned
`

/** Arguments: topic, group, consumer. Removes the consumer, and those of this driver that were idle for an hour, unless entries are pending. */
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
 * Arguments: group, consumer, lease in ms, topics... Leases each topic that is free to the consumer, and renews its leases. Answers the topics
 * that it leases, and those among them of which no other consumer has pending entries.
 */
export const acquireLeasesScript = `${prelude}
local group, consumer, lease = ARGV[2], ARGV[3], tonumber(ARGV[4])
local time = now()
local mine, alone = {}, {}
for at = 5, #ARGV do
  local topic = ARGV[at]
  local field = group .. '\\n' .. topic
  local known = redis.call('HGET', prefix .. '.turns', field)
  local holder, untilMs = string.match(known or '', '^(.*) (%d+)$')
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

/** Arguments: group, consumer, topics... Ends the leases of the consumer. */
export const releaseLeasesScript = `${prelude}
local released = 0
for at = 4, #ARGV do
  local field = ARGV[2] .. '\\n' .. ARGV[at]
  local known = redis.call('HGET', prefix .. '.turns', field)
  if known and string.sub(known, 1, #ARGV[3] + 1) == ARGV[3] .. ' ' then
    released = released + redis.call('HDEL', prefix .. '.turns', field)
  end
end
if released > 0 then redis.pcall('PUBLISH', prefix .. '.signals', 'returned ' .. ARGV[2]) end
return passed
`
