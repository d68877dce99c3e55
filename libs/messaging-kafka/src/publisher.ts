import { latch } from '@armature/async/latch'
import { within } from '@armature/async/within'
import { PublishError } from '@armature/messaging/errors'
import type { Message } from '@armature/messaging/message'
import type { MessageRun } from '@armature/messaging/message-run'
import type { ClusterParts, KafkaCluster } from './cluster.ts'
import { kafkaName } from './names.ts'
import { recordOf, type SizedRecord } from './codec.ts'
import { closedError, pendingPublishes } from './pending-publishes.ts'
import { runRecords, type SizedRunRecord } from './run-records.ts'
import { missingPartition, sendLanes } from './send-lanes.ts'
import type { QueuedRecord } from './send-queue.ts'
import { kafkaSender } from './sender.ts'
import type { KafkaTopic, KafkaTopics } from './topics.ts'

export interface PublisherParts {
  readonly cluster: KafkaCluster
  readonly topics: KafkaTopics
  readonly source: string
  readonly warn: ClusterParts['warn']
}

export interface KafkaPublisher {
  /** Resolves when the brokers hold the messages. Rejects with PublishError: after publishWaitMs, and when it is closed. */
  send(topic: string, messages: readonly Message[]): Promise<void>
  sendRun(topic: string, run: MessageRun): Promise<void>
  /** Rejects what is under way: the brokers may hold it or not. */
  close(): void
}

/** Messages that wait here for the broker, in bytes. Beyond it publishes wait for room. */
const maxBufferedBytes = 32 * 1024 * 1024
const maxBatchRecords = 10_000
/** While another batch of a partition is under way, the next one grows to so many bytes first: a smaller one costs more than it brings forward. */
const fullBatchBytes = 256 * 1024

/**
 * Publishes with acks of all replicas. A batch is sent again with the same sequence until the broker holds it, so that it lies there once. The
 * sequences keep the batches of a partition in order, though five may be under way.
 */
export const kafkaPublisher = ({ cluster, topics, source, warn }: PublisherParts): KafkaPublisher => {
  const { publishWaitMs, maxMessageBytes, partition } = cluster.settings
  const whenRoom = latch()
  let bufferedBytes = 0
  let isClosed = false

  const freed = (record: QueuedRecord) => {
    bufferedBytes -= record.bytes
  }
  const wakeRoom = () => {
    if (bufferedBytes < maxBufferedBytes) whenRoom.open()
  }
  const enqueue = (topic: KafkaTopic, records: readonly QueuedRecord[]) => {
    for (const lane of lanes.place(topic, records)) sender.ready(lane)
  }

  const refuse = (records: readonly QueuedRecord[], error: PublishError) => {
    for (const record of records) {
      freed(record)
      pending.reject(record.call, error)
    }
    wakeRoom()
  }

  const lanes = sendLanes({
    ...{ maxBytes: maxMessageBytes, maxRecords: maxBatchRecords, fullBytes: fullBatchBytes },
    partition,
    dropped: freed,
  })
  const pending = pendingPublishes(publishWaitMs, () => sender.lastFault)
  const sender = kafkaSender({
    cluster,
    topics,
    warn,
    held: (records) => {
      for (const record of records) {
        freed(record)
        pending.confirm(record.call)
      }
      wakeRoom()
    },
    homeless: (topic, records) => {
      const known = topics.known(topic)
      if (known === undefined) return
      const problem = missingPartition(known, partition)
      if (problem === undefined) enqueue(known, records)
      else refuse(records, problem)
    },
    refused: refuse,
  })

  const roomBy = async (untilMs: number, topic: string) => {
    while (bufferedBytes >= maxBufferedBytes) {
      await within(Math.max(0, untilMs - performance.now()), whenRoom.wait())
      if (isClosed) throw closedError(topic)
      if (performance.now() >= untilMs) throw pending.unavailable(topic, sender.lastFault ?? 'too much waits already')
    }
  }

  const topicBy = async (topic: string, name: string): Promise<KafkaTopic> => {
    try {
      return await topics.ensure(name, publishWaitMs)
    } catch (error) {
      if (error instanceof PublishError) throw new PublishError(error.message, { topic, fault: error.fault })
      if (cluster.closed) throw closedError(topic)
      throw pending.unavailable(topic, error, error)
    }
  }

  const send = async (topic: string, records: readonly (SizedRecord | SizedRunRecord)[]) => {
    const name = kafkaName(topic)
    const untilMs = performance.now() + publishWaitMs
    if (bufferedBytes >= maxBufferedBytes) await roomBy(untilMs, topic)
    const known = topics.known(name) ?? (await topicBy(topic, name))
    if (isClosed) throw closedError(topic)
    const problem = missingPartition(known, partition)
    if (problem !== undefined) throw problem
    await pending.wait(topic, records.length, untilMs, (call) => {
      const queued = records.map((record) => Object.assign(record, { call }))
      for (const { bytes } of queued) bufferedBytes += bytes
      enqueue(known, queued)
    })
  }

  return {
    send: async (topic, messages) => {
      const now = Date.now()
      await send(
        topic,
        messages.map((message) => recordOf(message, source, now, topic)),
      )
    },
    sendRun: async (topic, run) => send(topic, runRecords(run, source, Date.now(), topic)),
    close: () => {
      isClosed = true
      pending.close()
      whenRoom.open()
    },
  }
}
