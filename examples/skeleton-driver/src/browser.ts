import type { StoredMessage, TopicBrowser } from '@armature/messaging/topic-browser'
import { checkTopic } from '@armature/messaging/topic-pattern'
import { decodeRecord } from './codec.ts'
import type { Connection } from './connection.ts'

const pageRecords = 100

/** Looks into the topics of the server. */
export const skeletonBrowser = (connection: Connection, connectWaitMs: number): TopicBrowser => ({
  topics: async () => [...(await (await connection.connected(connectWaitMs)).topics())].sort(),

  async *browse(topic, { max, signal }): AsyncGenerator<StoredMessage> {
    checkTopic(topic)
    const client = await connection.connected(connectWaitMs)
    const beginMs = Date.now()
    let next = 0
    for (let left = max; left > 0;) {
      const records = await client.read(topic, next, Math.min(left, pageRecords))
      if (records.length === 0) return
      for (const record of records) {
        if (signal?.aborted === true || record.storedAtMs > beginMs) return
        const { offset, storedAtMs } = record
        const position = { partition: 0, offset }
        yield { ...decodeRecord(record).message, storedAt: new Date(storedAtMs), position, handle: offset }
        next = offset + 1
        left--
      }
    }
  },

  remove: async (topic, held) => {
    checkTopic(topic)
    const client = await connection.connected(connectWaitMs)
    await client.remove(
      topic,
      held.map(({ handle }) => handle as number),
    )
  },
})
