import { isPattern, matches } from '@armature/messaging/topic-pattern'
import type { KafkaCluster } from './cluster.ts'
import { faultText } from './faults.ts'
import { kafkaName, topicOf } from './names.ts'
import { partitionName, type TopicPartition } from './offsets.ts'
import type { KafkaTopics } from './topics.ts'

export interface WatchedTopicsParts {
  readonly cluster: KafkaCluster
  readonly topics: KafkaTopics
  /** A topic, or a pattern of topics. */
  readonly pattern: string
  readonly warn: (problem: string) => void
}

/** The topics that a subscription is to read, and their partitions. */
export interface WatchedTopics {
  /** As they were last listed, by Kafka's names. */
  names(): readonly string[]
  /** All that is known of these topics by now. */
  partitions(): readonly TopicPartition[]
  /** Lists them; a topic that is not there is made where the pattern is its name. */
  find(): Promise<void>
  /** Lists them again and again while `isOpen` says so, and calls `changed` when there are other partitions than the time before. */
  watch(isOpen: () => boolean, changed: () => void): Promise<void>
}

const patternPollMs = 1_000
const topicPollMs = 30_000

/** No topics until `find`. */
export const watchedTopics = ({ cluster, topics, pattern, warn }: WatchedTopicsParts): WatchedTopics => {
  const isOne = !isPattern(pattern)
  let names: readonly string[] = []
  /** The partitions when the topics were last listed. What refreshes a topic meanwhile may show more of them. */
  let listed = ''

  const list = async () => {
    names = isOne ? [kafkaName(pattern)] : (await topics.list()).filter((name) => matches(pattern, topicOf(name)))
  }
  const partitions = (): TopicPartition[] =>
    names.flatMap((topic) => (topics.known(topic)?.leaders ?? []).map((_, partition) => ({ topic, partition })))
  const text = () => partitions().map(partitionName).join()

  return {
    names: () => names,
    partitions,
    find: async () => {
      if (isOne) await topics.ensure(kafkaName(pattern), 0)
      await list()
      await topics.refresh(names)
      listed = text()
    },
    watch: async (isOpen, changed) => {
      while (isOpen()) {
        await cluster.pause(isOne ? topicPollMs : patternPollMs)
        try {
          if (isOne) await topics.refresh(names)
          await list()
          const now = text()
          if (now === listed) continue
          listed = now
          changed()
        } catch (fault) {
          if (cluster.closed) return
          warn(`kafka: the topics of ${pattern} cannot be listed now: ${faultText(fault)}`)
        }
      }
    },
  }
}
