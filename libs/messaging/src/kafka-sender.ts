import { CompressionTypes } from 'kafkajs'
import { PublishError } from './errors.ts'
import { codes } from './kafka-apis.ts'
import { asked, type ClusterParts, type KafkaCluster } from './kafka-cluster.ts'
import { checkCode, complaint, faultText, KafkaFault } from './kafka-faults.ts'
import { takeSequence, type Batch, type Lane, type ProducerSession, type QueuedRecord } from './kafka-send-queue.ts'
import type { KafkaTopics } from './kafka-topics.ts'
import { reconnectDelayMs } from './reconnect.ts'

export interface SenderParts {
  readonly cluster: KafkaCluster
  readonly topics: KafkaTopics
  readonly warn: ClusterParts['warn']
  /** The broker holds them. */
  readonly held: (records: readonly QueuedRecord[]) => void
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

/** Sends the batches of lanes to the leaders of their partitions, again and again until the broker holds or refuses them. */
export const kafkaSender = ({ cluster, topics, warn, held, refused }: SenderParts): KafkaSender => {
  const compression = cluster.settings.compression === 'gzip' ? CompressionTypes.GZIP : CompressionTypes.None
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
    const byLeader = new Map<number, { lanes: Lane[]; bytes: number }>()
    for (const lane of waiting) {
      const leader = topics.known(lane.topic)?.leaders[lane.partition] ?? -1
      if ((requests.get(leader) ?? 0) >= maxRequestsPerBroker) continue
      const group = byLeader.get(leader) ?? { lanes: [], bytes: 0 }
      if (group.bytes >= maxRequestBytes) continue
      byLeader.set(leader, group)
      waiting.delete(lane)
      const batch = lane.batch()
      if (batch === undefined) continue
      if (batch.records.every(({ call }) => call.done)) {
        over(lane)
        held(batch.records)
        if (batch.session !== undefined) endSession()
        continue
      }
      group.lanes.push(lane)
      group.bytes += batch.bytes
    }
    for (const [leader, { lanes }] of byLeader) if (lanes.length > 0) void send(leader, lanes)
  }

  const over = (lane: Lane) => {
    if (lane.finish()) ready(lane)
  }

  const ready = (lane: Lane) => {
    waiting.add(lane)
    schedule()
  }

  const send = async (leader: number, lanes: readonly Lane[]) => {
    requests.set(leader, (requests.get(leader) ?? 0) + 1)
    const again: Lane[] = []
    let fault: unknown
    try {
      for (const [lane, code] of await produce(leader, lanes)) {
        const batch = lane.batch() as Batch
        if (code === codes.none || code === codes.duplicateSequence) {
          over(lane)
          held(batch.records)
          continue
        }
        fault = new KafkaFault(code, `publishing to ${lane.topic}`)
        if (sessionCodes.has(code)) {
          if ((await session?.catch(() => undefined)) === batch.session) endSession()
          batch.session = undefined
          again.push(lane)
        } else if ((fault as KafkaFault).passing && !sizeCodes.has(code)) {
          again.push(lane)
        } else {
          over(lane)
          refused(batch.records, refusal(lane, code, fault))
          endSession()
        }
      }
    } catch (error) {
      fault = error
      again.push(...lanes)
    }
    requests.set(leader, (requests.get(leader) ?? 1) - 1)
    if (again.length > 0) await later(again, fault)
    else if (fault === undefined) {
      trouble.fine()
      lastFault = undefined
    }
    if (waiting.size > 0) schedule()
  }

  /** One request; the error code of each lane. */
  const produce = async (leader: number, lanes: readonly Lane[]): Promise<Map<Lane, number>> => {
    const current = await (session ??= newSession().catch((error: unknown) => {
      endSession()
      throw error
    }))
    const batches = lanes.map((lane) => {
      const batch = lane.batch() as Batch
      if (batch.session === undefined) {
        batch.session = current
        batch.firstSequence = takeSequence(current, lane, batch.records.length)
      }
      return { lane, batch }
    })
    const codeOf = new Map<Lane, number>()
    // A request has one identity: those of an earlier one go on their own.
    for (const each of new Set(batches.map(({ batch }) => batch.session as ProducerSession))) {
      const own = batches.filter(({ batch }) => batch.session === each)
      const { producerId, producerEpoch } = each
      const topicData = Map.groupBy(own, ({ lane }) => lane.topic)
      const answer = await asked(cluster.node(leader), 'Produce', {
        acks: -1,
        timeout: produceTimeoutMs,
        compression,
        producerId,
        producerEpoch,
        topicData: [...topicData].map(([topic, of]) => ({
          topic,
          partitions: of.map(({ lane, batch }) => ({
            partition: lane.partition,
            firstSequence: batch.firstSequence,
            messages: batch.records,
          })),
        })),
      })
      for (const { topicName, partitions } of answer.topics) {
        for (const { partition, errorCode } of partitions) {
          const found = own.find(({ lane }) => lane.topic === topicName && lane.partition === partition)
          if (found !== undefined) codeOf.set(found.lane, errorCode)
        }
      }
    }
    for (const lane of lanes) if (!codeOf.has(lane)) throw new Error(`Kafka did not answer for ${lane.topic}`)
    return codeOf
  }

  const later = async (lanes: readonly Lane[], fault: unknown) => {
    lastFault = fault
    try {
      await cluster.pause(reconnectDelayMs(trouble.failed(fault)))
      await topics.refresh(new Set(lanes.map(({ topic }) => topic)))
      for (const lane of lanes) {
        const gone = topics.known(lane.topic) === undefined
        if (gone) await topics.ensure(lane.topic, 0)
      }
    } catch (error) {
      // It is tried again with what is known.
      lastFault = error
    }
    if (cluster.closed) return
    for (const lane of lanes) ready(lane)
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
