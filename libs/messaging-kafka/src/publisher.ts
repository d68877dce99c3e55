import { PublishError } from '@armature/messaging/errors'
import type { ClusterParts, KafkaCluster } from './cluster.ts'
import { faultText } from './faults.ts'
import { kafkaName } from './names.ts'
import { partitionOf } from './partitioner.ts'
import { recordOf, type SizedRecord } from './codec.ts'
import { sendLane, type Call, type Lane, type QueuedRecord } from './send-queue.ts'
import { kafkaSender } from './sender.ts'
import type { KafkaTopic, KafkaTopics } from './topics.ts'
import type { Message } from '@armature/messaging/message'
import { checkPublish } from '@armature/messaging-kit/outgoing'
import type { Publisher } from '@armature/messaging/ports'

export interface PublisherParts {
  readonly cluster: KafkaCluster
  readonly topics: KafkaTopics
  readonly source: string
  readonly warn: ClusterParts['warn']
}

/** What waits here for the broker, in bytes; publishes wait for room beyond it. */
const maxBufferedBytes = 32 * 1024 * 1024
const maxBatchRecords = 10_000
/** Messages without a key change the partition after so many bytes. */
const keylessRunBytes = 16_384
const expiryCheckMs = 100

/**
 * Publishes with acks of all replicas. Each partition has one batch under way, sent again with the same sequence until the broker holds it,
 * so that it lies there once and in order; what comes meanwhile makes the next batch.
 */
export const kafkaPublisher = ({ cluster, topics, source, warn }: PublisherParts): Publisher => {
  const { publishWaitMs, closeWaitMs, maxMessageBytes } = cluster.settings
  const lanes = new Map<string, Lane[]>()
  /** Oldest first. */
  const calls = new Set<Call>()
  let bufferedBytes = 0
  let closing: Promise<void> | undefined
  let expiry: NodeJS.Timeout | undefined
  let underWay = 0
  let late = false
  const whenIdle: (() => void)[] = []
  let whenRoom: (() => void)[] = []
  let keyless = Math.floor(Math.random() * 1_000)

  const freed = (record: QueuedRecord) => {
    bufferedBytes -= record.bytes
  }

  const sender = kafkaSender({
    cluster,
    topics,
    warn,
    held: (records) => {
      for (const record of records) {
        freed(record)
        if (--record.call.left === 0) settle(record.call, undefined)
      }
      wakeRoom()
    },
    homeless: (topic, records) => {
      const known = topics.known(topic)
      if (known !== undefined) place(lanesOf(known), records)
    },
    refused: (records, error) => {
      for (const record of records) {
        freed(record)
        settle(record.call, error)
      }
      wakeRoom()
    },
  })

  const wakeRoom = () => {
    if (whenRoom.length === 0 || bufferedBytes >= maxBufferedBytes) return
    const due = whenRoom
    whenRoom = []
    for (const resolve of due) resolve()
  }

  const settle = (call: Call, error: Error | undefined) => {
    if (call.done) return
    call.done = true
    calls.delete(call)
    if (error === undefined) call.resolve()
    else call.reject(error)
    if (calls.size > 0) return
    clearInterval(expiry)
    expiry = undefined
  }

  const unavailable = (topic: string, why: unknown, cause?: unknown): PublishError =>
    new PublishError(`Kafka did not confirm it within ${publishWaitMs} ms: ${faultText(why)}`, {
      topic,
      fault: 'unavailable',
      cause,
    })

  /** All calls wait equally long, so the oldest is given up first. */
  const expire = () => {
    const nowMs = performance.now()
    for (const call of calls) {
      if (call.untilMs > nowMs) break
      settle(call, unavailable(call.topic, sender.lastFault ?? 'it is slow'))
    }
  }

  const lanesOf = ({ name, leaders }: KafkaTopic): Lane[] => {
    const known = lanes.get(name) ?? []
    lanes.set(name, known)
    for (let partition = known.length; partition < leaders.length; partition++) {
      known.push(
        sendLane(name, partition, {
          maxBytes: maxMessageBytes,
          maxRecords: maxBatchRecords,
          dropped: freed,
        }),
      )
    }
    // A topic that was made again may have fewer.
    return known.slice(0, leaders.length)
  }

  /** A key has one partition; what has none changes it now and then. */
  const place = (partitions: readonly Lane[], records: readonly QueuedRecord[]) => {
    let run = 0
    keyless++
    for (const record of records) {
      let partition: number
      if (record.key !== null) partition = partitionOf(record.key, partitions.length)
      else {
        run += record.bytes
        partition = (keyless + Math.floor(run / keylessRunBytes)) % partitions.length
      }
      const lane = partitions[partition] as Lane
      lane.push(record)
      sender.ready(lane)
    }
  }

  const roomBy = async (untilMs: number, topic: string) => {
    while (bufferedBytes >= maxBufferedBytes) {
      const { promise, resolve } = Promise.withResolvers<void>()
      whenRoom.push(resolve)
      const timer = setTimeout(resolve, Math.max(0, untilMs - performance.now()))
      await promise
      clearTimeout(timer)
      if (late) throw closedError(topic)
      if (performance.now() >= untilMs) throw unavailable(topic, sender.lastFault ?? 'too much waits already')
    }
  }

  const closedError = (topic: string) =>
    new PublishError('the connection was closed before the broker confirmed it', { topic, fault: 'closed' })

  const topicBy = async (topic: string, name: string): Promise<KafkaTopic> => {
    try {
      return await topics.ensure(name, publishWaitMs)
    } catch (error) {
      if (error instanceof PublishError) throw new PublishError(error.message, { topic, fault: error.fault })
      if (cluster.closed) throw closedError(topic)
      throw unavailable(topic, error, error)
    }
  }

  const enqueue = (topic: string, known: KafkaTopic, records: readonly SizedRecord[], untilMs: number) =>
    new Promise<void>((resolve, reject) => {
      const call: Call = { topic, left: records.length, untilMs, done: false, resolve, reject }
      const queued = records.map((record) => Object.assign(record, { call }))
      for (const { bytes } of queued) bufferedBytes += bytes
      place(lanesOf(known), queued)
      calls.add(call)
      expiry ??= setInterval(expire, expiryCheckMs)
    })

  const send = async (topic: string, messages: readonly Message[]) => {
    const name = nameOf(topic)
    const untilMs = performance.now() + publishWaitMs
    const now = Date.now()
    const records = messages.map((message) => recordOf(message, source, now, topic))
    if (bufferedBytes >= maxBufferedBytes) await roomBy(untilMs, topic)
    const known = topics.known(name) ?? (await topicBy(topic, name))
    await enqueue(topic, known, records, untilMs)
  }

  return {
    publish: async (topic, messages) => {
      checkPublish(topic, messages, { maxMessageBytes, closed: closing !== undefined })
      if (messages.length === 0) return
      underWay++
      try {
        await send(topic, messages)
      } finally {
        underWay--
        if (underWay === 0) whenIdle.splice(0).forEach((resolve) => resolve())
      }
    },
    close: () => {
      closing ??= (async () => {
        const idle = new Promise<void>((resolve) => (underWay === 0 ? resolve() : whenIdle.push(resolve)))
        const timer = Promise.withResolvers<void>()
        const lateTimer = setTimeout(timer.resolve, closeWaitMs)
        await Promise.race([idle, timer.promise])
        clearTimeout(lateTimer)
        late = true
        for (const call of calls) settle(call, closedError(call.topic))
        clearInterval(expiry)
        wakeRoom()
        for (const resolve of whenRoom) resolve()
      })()
      return closing
    },
  }
}

const nameOf = (topic: string): string => {
  try {
    return kafkaName(topic)
  } catch (cause) {
    throw new PublishError((cause as Error).message, { topic, fault: 'bad-topic', cause })
  }
}
