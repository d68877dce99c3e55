import type { KafkaApis } from './apis.ts'
import { asked, type KafkaCluster } from './cluster.ts'
import type { ProducerIdentity } from './producer-identity.ts'
import { takeSequence, type Batch, type ProducerSession } from './send-queue.ts'

export interface RequestParts {
  readonly cluster: KafkaCluster
  readonly identity: ProducerIdentity
}

const produceTimeoutMs = 10_000

/**
 * Sends batches to one broker, in one request, or one for each identity. Answers the error code of each batch. Rejects where one has no answer:
 * it is not known then what the broker holds.
 */
export const sendBatches = async (
  { cluster, identity }: RequestParts,
  leader: number,
  batches: readonly Batch[],
): Promise<ReadonlyMap<Batch, number>> => {
  if (batches.some(({ session }) => session === undefined)) {
    const session = await identity.session()
    for (const batch of batches) takeSequence(session, batch)
  }
  const codeOf = new Map<Batch, number>()
  // A request has one identity: those of an earlier one go on their own.
  for (const [session, own] of Map.groupBy(batches, (batch) => batch.session as ProducerSession)) {
    const answer = await asked(cluster.node(leader), 'Produce', {
      acks: -1,
      timeout: produceTimeoutMs,
      compression: cluster.settings.compression,
      producerId: session.producerId,
      producerEpoch: session.producerEpoch,
      topicData: topicDataOf(own),
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

const topicDataOf = (batches: readonly Batch[]): KafkaApis['Produce']['ask']['topicData'] =>
  [...Map.groupBy(batches, ({ lane }) => lane.topic)].map(([topic, own]) => ({
    topic,
    partitions: own.map(({ lane, firstSequence, records }) => ({
      partition: lane.partition,
      firstSequence,
      messages: records,
    })),
  }))
