import { isDeadLetterTopic } from '@armature/messaging/dead-letter-topics'
import { PublishError } from '@armature/messaging/errors'
import { codes, type TopicMetadata } from './apis.ts'
import { asked, isMissing, type KafkaCluster } from './cluster.ts'
import { KafkaFault } from './faults.ts'
import { topicOf } from './names.ts'
import { topicLives } from './topic-lives.ts'
import { recordOverheadBytes } from './codec.ts'
import { keptForGood } from './retention.ts'

/** A topic with the leaders of its partitions, by their numbers. */
export interface KafkaTopic {
  readonly name: string
  /**
   * The id of this life of the topic. A topic that is deleted and made again has another. Undefined where the broker has no ids, before
   * 2.8.
   */
  readonly id?: string | undefined
  /** The broker of each partition; -1 where there is none now. */
  readonly leaders: readonly number[]
}

/** The known topics of the cluster, by the names that Kafka knows them by. */
export interface KafkaTopics {
  /** The topic as far as it is known, without a request. */
  known(name: string): KafkaTopic | undefined
  /** The topic, made where it is not there, once each partition has a broker. Tries again for `waitMs`. */
  ensure(name: string, waitMs: number): Promise<KafkaTopic>
  /** Asks anew about topics; those that are not there are forgotten. */
  refresh(names: Iterable<string>): Promise<void>
  /** Calls from now on when a topic that was known turns out to be another one of that name, with what is known of it now. */
  onReplaced(tell: (topic: KafkaTopic) => void): void
  /** The names of all topics that are not Kafka's own. */
  list(): Promise<readonly string[]>
}

/** Below the largest request that a broker takes as it comes (`socket.request.max.bytes`, 100 MiB). */
const largestLetterBytes = 99 * 1024 * 1024

const createTimeoutMs = 10_000
/** The metadata of a broker follow those of the controller within milliseconds. */
const settleMs = 20

/** The topics that the connection of one cluster knows. */
export const kafkaTopics = (cluster: KafkaCluster): KafkaTopics => {
  const { partitions, replicas, maxMessageBytes } = cluster.settings
  const topics = new Map<string, KafkaTopic>()
  const lives = topicLives()
  const tellReplaced: ((topic: KafkaTopic) => void)[] = []
  const making = new Map<string, Promise<KafkaTopic>>()

  const learn = (found: TopicMetadata): KafkaTopic | undefined => {
    if (isMissing(found)) topics.delete(found.topic)
    if (found.topicErrorCode !== codes.none) return undefined
    const life = lives.see(found.topic, found.topicId)
    if (life === 'past') return topics.get(found.topic)
    const leaders: number[] = Array.from({ length: found.partitionMetadata.length }, () => -1)
    for (const { partitionId, leader } of found.partitionMetadata) leaders[partitionId] = leader
    const topic = { name: found.topic, id: found.topicId, leaders }
    topics.set(found.topic, topic)
    if (life === 'another') for (const tell of tellReplaced) tell(topic)
    return topic
  }

  /** Dead letters may come from topics that other programs made, with a limit of their own. */
  const largestBytes = (topic: string): number =>
    isDeadLetterTopic(topic) ? Math.max(maxMessageBytes, largestLetterBytes) : maxMessageBytes + recordOverheadBytes

  const create = async (name: string) => {
    const answer = await asked(cluster.any(), 'CreateTopics', {
      timeout: createTimeoutMs,
      topics: [
        {
          topic: name,
          numPartitions: partitions,
          replicationFactor: replicas,
          configEntries: [
            { name: 'max.message.bytes', value: String(largestBytes(topicOf(name))) },
            ...(isDeadLetterTopic(topicOf(name)) ? keptForGood : []),
          ],
        },
      ],
    })
    const [outcome] = answer.topicErrors
    const code = outcome?.errorCode ?? codes.none
    if (code === codes.invalidTopic) {
      const problem = `Kafka refuses the name: ${outcome?.errorMessage ?? 'another topic has a name too close to it'}`
      throw new PublishError(problem, { topic: name, fault: 'bad-topic' })
    }
    if (code !== codes.none && code !== codes.topicExists) throw new KafkaFault(code, `making the topic ${name}`)
  }

  const made = (name: string, waitMs: number): Promise<KafkaTopic> =>
    cluster.retry(
      `making the topic ${name}`,
      async () => {
        for (let asks = 1; ; asks++) {
          const [found] = await cluster.metadata([name])
          if (found === undefined || isMissing(found)) {
            if (asks % 10 === 1) await create(name)
          } else {
            const topic = learn(found)
            if (topic !== undefined && topic.leaders.length > 0 && !topic.leaders.includes(-1)) return topic
            if (asks >= 10) throw new KafkaFault(found.topicErrorCode || 5, `the topic ${name}`)
          }
          await cluster.pause(settleMs)
        }
      },
      waitMs,
    )

  return {
    known: (name) => topics.get(name),
    ensure: async (name, waitMs) => {
      const known = topics.get(name)
      if (known !== undefined) return known
      const found = making.get(name) ?? made(name, waitMs).finally(() => making.delete(name))
      making.set(name, found)
      return found
    },
    refresh: async (names) => {
      const asking = [...names]
      if (asking.length > 0) for (const each of await cluster.metadata(asking)) learn(each)
    },
    onReplaced: (tell) => void tellReplaced.push(tell),
    list: async () => {
      const all = await cluster.metadata()
      const own = all.filter(({ isInternal, topic }) => !isInternal && !topic.startsWith('__'))
      for (const each of own) learn(each)
      return own.map(({ topic }) => topic).sort()
    },
  }
}
