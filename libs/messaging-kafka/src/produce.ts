import type { KafkaApis } from './apis.ts'
import { encodeBatch } from './record-batch.ts'
import { writer } from './writer.ts'

const noTransaction = -1

/** The body of a Produce request of the versions 3 to 7 (https://kafka.apache.org/protocol#The_Messages_Produce). */
export const encodeProduce = async (ask: KafkaApis['Produce']['ask']): Promise<readonly Buffer[]> => {
  const { acks, timeout, compression, producerId, producerEpoch, topicData } = ask
  const parts: Buffer[] = []
  let to = writer().int16(noTransaction).int16(acks).int32(timeout).int32(topicData.length)
  for (const { topic, partitions } of topicData) {
    to.string(topic).int32(partitions.length)
    for (const { partition, firstSequence, messages } of partitions) {
      const batch = await encodeBatch(messages, compression, { producerId, producerEpoch, firstSequence })
      parts.push(to.int32(partition).int32(batch.length).done(), batch)
      to = writer()
    }
  }
  const rest = to.done()
  return rest.length === 0 ? parts : [...parts, rest]
}
