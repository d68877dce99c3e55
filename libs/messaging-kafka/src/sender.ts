import { PublishError } from '@armature/messaging/errors'
import { codes } from './apis.ts'
import { asked, type ClusterParts, type KafkaCluster } from './cluster.ts'
import { checkCode, complaint, faultText, KafkaFault } from './faults.ts'
import { takeSequence, type Batch, type Lane, type ProducerSession, type QueuedRecord } from './send-queue.ts'
import type { KafkaTopics } from './topics.ts'
import { reconnectDelayMs } from '@armature/async/backoff'

export interface SenderParts {
  readonly cluster: KafkaCluster
  readonly topics: KafkaTopics
  readonly warn: ClusterParts['warn']
  /** The broker holds them. */
  readonly held: (records: readonly QueuedRecord[]) => void
  /** Their partition is not there any more, since the topic was made again with fewer: they need another one. */
  readonly homeless: (topic: string, records: readonly QueuedRecord[]) => void
  /** They will never be held. */
  readonly refused: (records: readonly QueuedRecord[], error: PublishError) => void
}

export interface KafkaSender {
  /** The lane has something to send. */
  ready(lane: Lane): void
  /** Why the last request failed; undefined once one succeeded. */
  readonly lastFault: unknown
}

const maxRequestBytes = 8 * 1024 * 1024
/** Two requests keep the broker busy while the next one is encoded. */
const maxRequestsPerBroker = 2
const produceTimeoutMs = 10_000

/** The broker has lost what it knew of our sequences, or there is a gap in them: they begin anew. */
const sessionCodes: ReadonlySet<number> = new Set([
  codes.outOfOrderSequence,
  codes.invalidProducerEpoch,
  codes.unknownProducer,
])
const sizeCodes: ReadonlySet<number> = new Set([codes.messageTooLarge, codes.recordListTooLarge])
/** One record, or all together, are what is refused: fewer may be taken. */
const batchCodes: ReadonlySet<number> = new Set([...sizeCodes, codes.invalidRecord])

/** Sends the batches of lanes to the leaders of their partitions, again and again until the broker holds or refuses them. */
export const kafkaSender = ({ cluster, topics, warn, held, homeless, refused }: SenderParts): KafkaSender => {
  const { compression } = cluster.settings
  const waiting = new Set<Lane>()
  const requests = new Map<number, number>()
  let session: Promise<ProducerSession> | undefined
  let scheduled = false
  const trouble = complaint(warn, 'publishing')
  let lastFault: unknown

  const newSession = async (): Promise<ProducerSession> => {
    const answer = await asked(cluster.any(), 'InitProducerId', { transactionTimeout: 60_000 })
    checkCode(answer.errorCode, 'the identity of the producer')
    return { producerId: answer.producerId, producerEpoch: answer.producerEpoch, nextSequence: new Map() }
  }

  /** The broker may not know a sequence that was given up, and would refuse what follows it: what comes gets a new identity. */
  const endSession = () => {
    session = undefined
  }

  const schedule = () => {
    if (scheduled) return
    scheduled = true
    // What is published in the same turn goes together.
    setImmediate(() => {
      scheduled = false
      pump()
    })
  }

  const pump = () => {
    const byLeader = new Map<number, { batches: Batch[]; bytes: number }>()
    for (const lane of waiting) {
      const leader = topics.known(lane.topic)?.leaders[lane.partition] ?? -1
      if ((requests.get(leader) ?? 0) >= maxRequestsPerBroker) continue
      const group = byLeader.get(leader) ?? { batches: [], bytes: 0 }
      if (group.bytes >= maxRequestBytes) continue
      byLeader.set(leader, group)
      waiting.delete(lane)
      const batch = lane.take()
      if (batch === undefined) continue
      if (batch.records.every(({ call }) => call.done)) {
        over(batch)
        held(batch.records)
        if (batch.session !== undefined) endSession()
        continue
      }
      group.batches.push(batch)
      group.bytes += batch.bytes
    }
    for (const [leader, { batches }] of byLeader) if (batches.length > 0) void send(leader, batches)
  }

  const isThere = ({ topic, partition }: Lane): boolean => partition < (topics.known(topic)?.leaders.length ?? Infinity)

  const over = (batch: Batch) => {
    if (batch.lane.finish(batch)) ready(batch.lane)
  }

  const ready = (lane: Lane) => {
    waiting.add(lane)
    schedule()
  }

  const send = async (leader: number, batches: readonly Batch[]) => {
    requests.set(leader, (requests.get(leader) ?? 0) + 1)
    const again: Batch[] = []
    let fault: unknown
    try {
      for (const [batch, code] of await produce(leader, batches)) {
        const { lane, records } = batch
        if (code === codes.none || code === codes.duplicateSequence) {
          over(batch)
          held(records)
          continue
        }
        const passes = new KafkaFault(code, `publishing to ${lane.topic}`)
        fault = passes
        if (sessionCodes.has(code)) {
          if ((await session?.catch(() => undefined)) === batch.session) endSession()
          batch.session = undefined
          again.push(batch)
        } else if (passes.passing && !sizeCodes.has(code)) {
          again.push(batch)
        } else if (batchCodes.has(code) && records.length > 1) {
          lane.split(batch)
          endSession()
          ready(lane)
        } else {
          over(batch)
          refused(records, refusal(lane, code, passes))
          endSession()
        }
      }
    } catch (error) {
      fault = error
      again.push(...batches)
    }
    requests.set(leader, (requests.get(leader) ?? 1) - 1)
    if (waiting.size > 0) schedule()
    if (again.length > 0) await later(again, fault)
    else if (fault === undefined) {
      trouble.fine()
      lastFault = undefined
    }
  }

  /** One request, or one for each identity; the error code of each batch. Rejects before any is settled. */
  const produce = async (leader: number, batches: readonly Batch[]): Promise<Map<Batch, number>> => {
    const current = await (session ??= newSession().catch((error: unknown) => {
      endSession()
      throw error
    }))
    for (const batch of batches) {
      if (batch.session !== undefined) continue
      batch.session = current
      batch.firstSequence = takeSequence(current, batch.lane, batch.records.length)
    }
    const codeOf = new Map<Batch, number>()
    // A request has one identity: those of an earlier one go on their own.
    for (const [of, own] of Map.groupBy(batches, (batch) => batch.session as ProducerSession)) {
      const topicData = Map.groupBy(own, ({ lane }) => lane.topic)
      const answer = await asked(cluster.node(leader), 'Produce', {
        acks: -1,
        timeout: produceTimeoutMs,
        compression,
        producerId: of.producerId,
        producerEpoch: of.producerEpoch,
        topicData: [...topicData].map(([topic, parts]) => ({
          topic,
          partitions: parts.map(({ lane, firstSequence, records }) => ({
            partition: lane.partition,
            firstSequence,
            messages: records,
          })),
        })),
      })
      for (const { topicName, partitions } of answer.topics) {
        for (const { partition, errorCode } of partitions) {
          const found = own.find(({ lane }) => lane.topic === topicName && lane.partition === partition)
          if (found !== undefined) codeOf.set(found, errorCode)
        }
      }
    }
    for (const batch of batches) {
      if (!codeOf.has(batch)) throw new Error(`Kafka did not answer for ${batch.lane.topic}`)
    }
    return codeOf
  }

  /** They stay under way while the broker has its pause: nothing may pass them, and no publish shortens it. */
  const later = async (batches: readonly Batch[], fault: unknown) => {
    lastFault = fault
    const names = new Set(batches.map(({ lane }) => lane.topic))
    try {
      await cluster.pause(reconnectDelayMs(trouble.failed(fault)))
      await topics.refresh(names)
      for (const name of names) if (topics.known(name) === undefined) await topics.ensure(name, 0)
    } catch (error) {
      // It is tried again with what is known.
      lastFault = error
    }
    if (cluster.closed) return
    for (const batch of batches) {
      const { lane } = batch
      lane.giveBack(batch)
      if (isThere(lane)) ready(lane)
      else homeless(lane.topic, lane.empty())
    }
  }

  const refusal = ({ topic }: Lane, code: number, cause: unknown): PublishError =>
    sizeCodes.has(code)
      ? new PublishError(`${faultText(cause)}: raise max.message.bytes of the topic`, {
          topic,
          fault: 'too-large',
          cause,
        })
      : new PublishError(faultText(cause), { topic, fault: 'unavailable', cause })

  return {
    ready,
    get lastFault() {
      return lastFault
    },
  }
}
