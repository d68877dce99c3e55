import type { PartitionLog } from './log.ts'
import type { MemoryTopic } from './topic.ts'
import type { Position } from '@armature/messaging/position'
import type { StoredMessage, TopicBrowser } from '@armature/messaging/topic-browser'
import { checkTopic } from '@armature/messaging/topic-pattern'

/** Looks into the topics of an in-memory broker. A removed message reaches no subscriber that has not got it yet. */
export const memoryBrowser = (topics: () => Iterable<MemoryTopic>): TopicBrowser => {
  const partitionsOf = (name: string): readonly PartitionLog[] => {
    for (const topic of topics()) if (topic.name === name) return topic.partitions
    return []
  }

  return {
    topics: () => Promise.resolve([...topics()].map(({ name }) => name).sort()),
    browse: (topic, { max, signal }) => browse(topic, partitionsOf(topic), max, signal),
    remove: async (topic, removed) => {
      checkTopic(topic)
      const partitions = partitionsOf(topic)
      for (const { handle } of removed) {
        const { partition, offset } = handle as Position
        partitions[partition]?.remove(offset)
      }
    },
  }
}

/** The messages that the partitions hold now, the oldest first. Messages that are cut off meanwhile are left out. */
const browse = (
  topic: string,
  partitions: readonly PartitionLog[],
  max: number,
  signal: AbortSignal | undefined,
): AsyncIterable<StoredMessage> => {
  const cursors = partitions.map((log) => ({ log, next: log.first, end: log.end }))

  /** The oldest entry that is still there. */
  const takeOldest = (): StoredMessage | undefined => {
    for (const cursor of cursors) {
      const { log } = cursor
      cursor.next = Math.max(cursor.next, log.first)
      while (cursor.next < cursor.end && log.isRemoved(cursor.next)) cursor.next++
    }
    const ready = cursors.filter(({ next, end }) => next < end)
    if (ready.length === 0) return undefined
    const oldest = ready.reduce((best, one) =>
      one.log.storedAtMs(one.next) < best.log.storedAtMs(best.next) ? one : best,
    )
    const { log } = oldest
    const offset = oldest.next++
    const position = { partition: log.partition, offset }
    return { ...log.at(offset), topic, storedAt: new Date(log.storedAtMs(offset)), position, handle: position }
  }

  return (async function* () {
    checkTopic(topic)
    for (let count = 0; count < max && signal?.aborted !== true; count++) {
      const next = takeOldest()
      if (next === undefined) return
      yield next
    }
  })()
}
