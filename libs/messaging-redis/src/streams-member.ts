import { randomUUID } from 'node:crypto'
import { isReplyOf } from './faults.ts'
import { binaryReplies, type RedisClient } from './connection.ts'
import { atMost } from './streams-close.ts'
import { startAfter, type Entry } from './streams-codec.ts'
import { memberHands } from './streams-hands.ts'
import { blockMs, streamsIntake, type ReadReply } from './streams-intake.ts'
import { claim, idleInOrder, idlePending, ownPending } from './streams-pending.ts'
import { giveBackScript, joinScript, leaveScript, registerScript, renewScript } from './streams-scripts.ts'
import { streamsTurns } from './streams-turns.ts'
import type { StreamsSubscriptionParts } from './streams-parts.ts'
import type { Subscription } from '@armature/messaging/ports'
import { isPattern } from '@armature/messaging/topic-pattern'

const mostAtOnce = 500
const mostClaimedAtOnce = 100
const mostAcksPending = 10_000
const settlePollMs = 20
/** Of the timer that renews, within `claimIdleMs`. */
const ticksOfSilence = 3

/** A member of a group, reading. Rejects with what the server says where the group cannot be joined. */
export const joinGroup = async (parts: StreamsSubscriptionParts, group: string): Promise<Subscription> => {
  const { link, pattern, settings, claimIdleMs, closeWaitMs, warn } = parts
  const { prefix } = link
  const consumer = `armature-${randomUUID()}`
  const isWild = isPattern(pattern) ? '1' : '0'
  const joined = await link.run<[number, ...string[]]>(
    joinScript,
    group,
    pattern,
    startAfter(settings.from),
    '0',
    isWild,
  )
  const [sequence, ...places] = joined
  const topics = places.filter((_, at) => at % 2 === 0)
  const hands = memberHands(parts, group, consumer, () => void giveBack().catch(() => undefined))
  const placeOf = (topic: string) => ({ key: prefix + topic, group, consumer })
  const idleOf = settings.serial ? idleInOrder : idlePending
  const turns = settings.serial ? streamsTurns(link, group, consumer, claimIdleMs) : undefined
  let nextClaimMs = 0
  let stopping: Promise<void> | undefined
  let closing: Promise<void> | undefined

  const take = (topic: string, [id, fields]: Entry, attempt: number) =>
    hands.take(topic, id.toString(), fields, attempt)

  /** What the server gave to this member and a lost connection swallowed. */
  const recover = async (client: RedisClient) => {
    const each = async (topic: string) => {
      const missing = (await ownPending(client, placeOf(topic))).filter(({ id }) => !hands.has(topic, id))
      for (const [entry, attempt] of await claim(client, placeOf(topic), 0, missing, false)) take(topic, entry, attempt)
    }
    await Promise.all(topics.map(each))
  }

  /** What others gave back, and what they have and show no sign of life for. */
  const claimIdle = async (client: RedisClient, of: readonly string[]) => {
    nextClaimMs = performance.now() + claimIdleMs / 2
    const each = async (topic: string) => {
      const idle = await idleOf(client, placeOf(topic), claimIdleMs, mostClaimedAtOnce)
      const free = idle.filter(({ id }) => !hands.has(topic, id))
      for (const [entry, attempt] of await claim(client, placeOf(topic), claimIdleMs, free, true)) {
        take(topic, entry, attempt)
      }
      if (idle.length === mostClaimedAtOnce && free.length > 0) nextClaimMs = 0
    }
    await Promise.all(of.map(each))
  }

  const readNew = async (client: RedisClient, from: readonly string[]) => {
    const count = Math.max(1, Math.floor(Math.min(mostAtOnce, hands.room) / from.length))
    const keys = from.map((topic) => prefix + topic)
    const command = ['XREADGROUP', 'GROUP', group, consumer, 'COUNT', String(count), 'BLOCK', String(readBlockMs)]
    command.push('STREAMS', ...keys, ...keys.map(() => '>'))
    const reply = await client.sendCommand<ReadReply>(command, binaryReplies)
    for (let at = 0; at < (reply?.length ?? 0); at += 2) {
      const topic = String(reply?.[at]).slice(prefix.length)
      for (const entry of reply?.[at + 1] as readonly Entry[]) take(topic, entry, 1)
    }
  }
  const readBlockMs = Math.min(blockMs, Math.ceil(claimIdleMs / 2))

  /** A stream or its group was deleted: what comes now is new to the group. */
  const createAgain = async (client: RedisClient) => {
    turns?.forget()
    for (const topic of topics) {
      await client.sendCommand(['EVAL', registerScript, '0', prefix, topic])
      await client.sendCommand(['XGROUP', 'CREATE', prefix + topic, group, '0', 'MKSTREAM']).catch((error: unknown) => {
        if (!isReplyOf(error, 'BUSYGROUP')) throw error
      })
    }
  }

  const healing = async (client: RedisClient, work: () => Promise<number>): Promise<number> => {
    try {
      return await work()
    } catch (error) {
      const isGone = isReplyOf(error, 'NOGROUP') || isReplyOf(error, 'UNBLOCKED')
      if (!isGone || stopping !== undefined) throw error
      await createAgain(client)
      return 0
    }
  }

  const readOnce = async (client: RedisClient): Promise<number> => {
    await turns?.take(client, topics)
    const { held, ready } = turns ?? { held: topics, ready: topics }
    if (performance.now() >= nextClaimMs || held.length > ready.length) {
      await claimIdle(client, held)
      // More of it, or no room for what is new.
      if (nextClaimMs === 0 || !hands.hasRoom) return 0
    }
    if (ready.length > 0) await readNew(client, ready)
    // A turn that is free is told of; that its last holder has settled all is not.
    else return held.length > 0 ? settlePollMs : readBlockMs
    return 0
  }

  const read = (client: RedisClient): Promise<number> => healing(client, () => readOnce(client))

  const onConnect = async (client: RedisClient) => {
    await healing(client, async () => {
      await recover(client)
      return 0
    })
  }

  const room = async () => {
    await hands.whenRoom()
    if (hands.acks.pending > mostAcksPending) await hands.acks.flushed()
  }

  const intake = streamsIntake({ link, onConnect, room, read, warn })
  const endFollow = link.follow(pattern, sequence, (topic) => {
    if (topics.includes(topic)) return
    topics.push(topic)
    intake.interrupt()
  })
  /** Its pattern and its turns are gone, and topics may be there that it was not told of. */
  const joinAgain = async () => {
    turns?.forget()
    const [, ...again] = await link.run<[number, ...string[]]>(joinScript, group, pattern, '0-0', '0', isWild)
    const found = again.filter((topic, at) => at % 2 === 0 && !topics.includes(topic))
    topics.push(...found)
    intake.interrupt()
  }
  const endHeed = link.heedLife(joinAgain)
  const endWatch = link.watch(group, () => {
    nextClaimMs = 0
    intake.interrupt()
  })

  const renew = async () => {
    await turns?.renew()
    for (const { topic, ids } of hands.due(claimIdleMs / 3, mostAtOnce)) {
      const lost = await link.run<string[]>(renewScript, topic, group, consumer, ...ids)
      hands.renewed(topic, ids)
      hands.lose(topic, lost)
    }
  }
  /** Others may have by now what the server heard nothing of for so long. */
  const loseSilent = () => {
    for (const { topic, ids } of hands.due(claimIdleMs, mostAtOnce)) hands.lose(topic, ids)
  }
  let renewing: Promise<void> | undefined
  /** Of the timer since the renewal began that is under way. A stall of this process is no silence of the server: ticks are counted, not time. */
  let ticks = 0
  const onRenewTimer = () => {
    ticks = renewing === undefined ? 0 : ticks + 1
    if (link.client === undefined || ticks >= ticksOfSilence) loseSilent()
    renewing ??= renew()
      .catch(() => undefined)
      .finally(() => (renewing = undefined))
  }
  const renewTimer = setInterval(onRenewTimer, Math.ceil(claimIdleMs / ticksOfSilence)).unref()

  /** All that this member has on the server and not in a handler. */
  const giveBack = async () => {
    await hands.acks.flushed()
    const { handed } = hands
    for (const topic of topics) {
      const kept = hands.idsOf(topic)
      await link.run(giveBackScript, topic, group, consumer, String(kept.length), ...kept, ...handed)
    }
  }

  const stop = async () => {
    endFollow()
    endHeed()
    endWatch()
    hands.stop()
    await atMost(
      closeWaitMs,
      intake
        .stop(closeWaitMs / 2)
        .then(giveBack)
        .then(turns?.pass),
    )
  }

  const close = async () => {
    const release = async () => {
      await subscription.stop()
      hands.close()
      await giveBack()
      for (const topic of topics) await link.run(leaveScript, topic, group, consumer)
    }
    await atMost(closeWaitMs, release())
    hands.close()
    clearInterval(renewTimer)
    parts.onClose(subscription)
  }

  const subscription: Subscription = {
    stop: () => (stopping ??= stop()),
    idle: () => hands.idle(),
    get inFlight() {
      return hands.inFlight
    },
    close: () => (closing ??= close()),
  }
  return subscription
}
