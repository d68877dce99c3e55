import { randomUUID } from 'node:crypto'
import { deliveryWindow } from '@armature/messaging-kit/delivery-window'
import type { Subscription } from '@armature/messaging/ports'
import { binaryReplies, pipelined, type RedisClient } from './connection.ts'
import { isReplyOf } from './faults.ts'
import { atMost } from './streams-close.ts'
import { decodeEntry, idBefore, isBefore, positionOf, startAfter, type Entry } from './streams-codec.ts'
import { blockMs, streamsIntake, type ReadReply } from './streams-intake.ts'
import { readerPrefix } from './streams-connection.ts'
import { forgetScript, joinScript, leaseScript, standScript } from './streams-scripts.ts'
import type { StreamsSubscriptionParts } from './streams-parts.ts'
import { isPattern } from '@armature/messaging/topic-pattern'

const mostAtOnce = 500
/** How often its place is saved, where it moved: so long a stream at its bound may wait for it. */
const placeMs = 100
const leaseMs = 60_000
/** How often it looks whether streams that bring nothing are still the ones that they were. */
const standMs = 1_000

/** Where a reader is in one stream. */
interface Place {
  /** The id of the last message read. */
  read: string
  /** Messages read and not settled, the oldest first. */
  readonly unsettled: Set<string>
  /** What the server knows: all up to this id is settled. */
  saved: string
  /** `read` at the last look. */
  seen: string
}

/**
 * A subscriber without a group, reading from a place of its own. Its place is kept on the server as that of a private group which reads
 * nothing, so that nothing is cut off that it has not settled; the lease lets the group of a subscriber that died be removed.
 */
export const readAlone = async (parts: StreamsSubscriptionParts): Promise<Subscription> => {
  const { link, pattern, settings, clock, closeWaitMs, warn } = parts
  const { prefix } = link
  const group = readerPrefix + randomUUID()
  const isWild = isPattern(pattern) ? '1' : '0'
  const start = startAfter(settings.from)
  const joined = await link.run<[number, ...string[]]>(joinScript, group, pattern, start, String(leaseMs), isWild)
  const [sequence, ...listed] = joined
  const places = new Map<string, Place>()
  const window = deliveryWindow({ handle: parts.handle, settings, clock })
  let averageBytes = 1_000
  let nextLeaseMs = performance.now() + leaseMs / 3
  let saving: Promise<void> | undefined
  let stopping: Promise<void> | undefined
  let closing: Promise<void> | undefined

  const begin = (topic: string, id: string) =>
    places.set(topic, { read: id, unsettled: new Set(), saved: id, seen: '' })
  for (let at = 0; at < listed.length; at += 2) begin(listed[at] ?? '', listed[at + 1] ?? '')

  const take = (topic: string, place: Place, [raw, fields]: Entry) => {
    const id = raw.toString()
    place.read = id
    if (fields === null) return
    const { message, undecodable } = decodeEntry(topic, id, fields)
    averageBytes += (message.body.byteLength - averageBytes) / 16
    place.unsettled.add(id)
    const ack = () => void place.unsettled.delete(id)
    window.offer({ message, undecodable, attempt: 1, position: positionOf(id), ack })
  }

  const read = async (client: RedisClient): Promise<number> => {
    if (places.size === 0) return blockMs
    const { maxInFlight, maxInFlightBytes } = settings
    const messages = Math.min(mostAtOnce, 2 * maxInFlight - window.inFlight - window.held)
    const room = Math.min(messages, (2 * maxInFlightBytes) / averageBytes)
    const count = Math.max(1, Math.floor(room / places.size))
    const command = ['XREAD', 'COUNT', String(count), 'BLOCK', String(blockMs), 'STREAMS']
    for (const topic of places.keys()) command.push(prefix + topic)
    for (const { read } of places.values()) command.push(read)
    const reply = await client.sendCommand<ReadReply>(command, binaryReplies)
    if (stopping !== undefined) return 0
    for (let at = 0; at < (reply?.length ?? 0); at += 2) {
      const topic = String(reply?.[at]).slice(prefix.length)
      const place = places.get(topic)
      if (place !== undefined) for (const entry of reply?.[at + 1] as readonly Entry[]) take(topic, place, entry)
    }
    return 0
  }

  const intake = streamsIntake({ link, onConnect: async () => undefined, room: () => window.room(), read, warn })
  const endFollow = link.follow(pattern, sequence, (topic) => {
    if (places.has(topic)) return
    begin(topic, '0-0')
    intake.interrupt()
  })

  /** What the server has forgotten of this reader, it is told again. */
  const joinAgain = async () => {
    const [, ...again] = await link.run<[number, ...string[]]>(
      joinScript,
      group,
      pattern,
      '0-0',
      String(leaseMs),
      isWild,
    )
    for (let at = 0; at < again.length; at += 2) {
      const place = places.get(again[at] ?? '')
      if (place === undefined) begin(again[at] ?? '', '0-0')
      else place.saved = again[at + 1] ?? ''
    }
    intake.interrupt()
  }

  /**
   * A stream that was made again, or of which a replica that took over lacks the end, may have ids that are lower than what was read: it is read
   * from where the server knows this reader to be, or from its beginning.
   */
  const look = async (isNewLife: boolean, isSuspect: boolean) => {
    const due = [...places].filter(([, place]) => isSuspect || place.seen === place.read)
    for (const place of places.values()) place.seen = place.read
    if (due.length === 0) return
    const stand = await link.run<string[]>(standScript, group, ...due.map(([topic]) => topic))
    let isForgotten = isNewLife
    for (const [index, [topic, place]] of due.entries()) {
      const [lastId = '0-0', known = ''] = stand.slice(2 * index)
      const isGone = known === ''
      isForgotten ||= isGone
      if (place.seen !== place.read || !(isBefore(lastId, place.read) || (isNewLife && isGone))) continue
      begin(topic, isGone || isBefore(lastId, known) ? '0-0' : known)
      intake.interrupt()
    }
    if (isForgotten && stopping === undefined) await joinAgain()
  }
  const endHeed = link.heedLife(() => look(true, true))
  const standTimer = setInterval(() => {
    if (link.client !== undefined) void look(false, false).catch(() => undefined)
  }, standMs).unref()

  const settledUpTo = ({ unsettled, read }: Place): string => {
    for (const oldest of unsettled) return idBefore(oldest)
    return read
  }

  const save = async (client: RedisClient) => {
    if (performance.now() >= nextLeaseMs) {
      nextLeaseMs = performance.now() + leaseMs / 3
      await client.sendCommand(['EVAL', leaseScript, '0', prefix, group, String(leaseMs)])
    }
    const moved = [...places].filter(([, place]) => settledUpTo(place) !== place.saved)
    const commands = moved.map(([topic, place]) => {
      const id = settledUpTo(place)
      place.saved = id
      return ['XGROUP', 'SETID', prefix + topic, group, id]
    })
    if (commands.length === 0) return
    await pipelined(client, commands).catch(async (error: unknown) => {
      if (!isReplyOf(error, 'NOGROUP')) throw error
      // The lease ran out, as after a long outage, or the stream was deleted.
      await look(false, true)
    })
  }
  const placeTimer = setInterval(() => {
    if (link.client === undefined) return
    saving ??= save(link.client)
      .catch(() => undefined)
      .finally(() => (saving = undefined))
  }, placeMs).unref()

  const stop = async () => {
    endFollow()
    endHeed()
    clearInterval(standTimer)
    window.stop()
    await intake.stop(closeWaitMs / 2)
  }

  const close = async () => {
    window.close()
    clearInterval(placeTimer)
    const release = async () => {
      await subscription.stop()
      await link.run(forgetScript, group, pattern, ...places.keys())
    }
    await atMost(closeWaitMs, release())
    parts.onClose(subscription)
  }

  const subscription: Subscription = {
    stop: () => (stopping ??= stop()),
    idle: () => window.idle(),
    get inFlight() {
      return window.inFlight
    },
    close: () => (closing ??= close()),
  }
  return subscription
}
