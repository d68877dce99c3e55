import { kafkaName, topicOf } from './names.ts'
import { kafkaRemoval } from './removal.ts'
import { storedMessage } from './stored-record.ts'
import { kafkaWalk, type Cursor, type WalkParts } from './walk.ts'
import type { TopicBrowser } from '@armature/messaging/topic-browser'
import { checkTopic } from '@armature/messaging/topic-pattern'

export interface BrowserParts extends WalkParts {
  /** Somebody looks into a topic that is there. */
  readonly looked: (topic: string) => void
}

/** Looks into topics without a group. */
export const kafkaBrowser = ({ cluster, topics, looked }: BrowserParts): TopicBrowser => {
  const walk = kafkaWalk({ cluster, topics })
  return {
    topics: async () => {
      const names = await cluster.retry('listing topics', () => topics.list(), cluster.settings.connectWaitMs)
      return names.map(topicOf).sort()
    },

    async *browse(topic, { max, signal }) {
      checkTopic(topic)
      const all = await walk.cursors(kafkaName(topic))
      if (all.length > 0) looked(topic)
      for (let given = 0; given < max; given++) {
        signal?.throwIfAborted()
        for (const each of all) await walk.fill(each)
        const [oldest] = all.filter(({ at, chunk }) => at < chunk.length).sort((a, b) => timeOf(a) - timeOf(b))
        const record = oldest?.chunk[oldest.at]
        if (oldest === undefined || record === undefined) return
        oldest.at++
        yield storedMessage(topic, record, oldest.place.partition)
      }
    },

    remove: async (topic, held) => {
      checkTopic(topic)
      if (held.length > 0) await kafkaRemoval({ cluster, walk }, kafkaName(topic), held)
    },
  }
}

const timeOf = ({ chunk, at }: Cursor): number => chunk[at]?.timestamp ?? 0
