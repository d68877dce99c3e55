import { isDeadLetterTopic } from '@armature/messaging/dead-letter'
import type { NewTopic } from './apis.ts'
import { asked, type KafkaCluster } from './cluster.ts'
import { checkCode } from './faults.ts'
import { kafkaName } from './names.ts'

/** Settings of a topic whose records never expire. */
export const keptForGood: NewTopic['configEntries'] = [
  { name: 'cleanup.policy', value: 'delete' },
  { name: 'retention.ms', value: '-1' },
  { name: 'retention.bytes', value: '-1' },
]

/** The number of the resource type "topic" in Kafka's protocol. */
const topicResource = 2

export interface RetentionParts {
  readonly cluster: KafkaCluster
  readonly warn: (problem: string) => void
}

/**
 * Tells once of each topic of dead letters that does not keep them for good, such as one that was not made by this driver. A user who may not
 * read the settings of topics is told nothing.
 */
export const retentionTeller = ({ cluster, warn }: RetentionParts): ((topic: string) => void) => {
  const told = new Set<string>()

  const look = async (topic: string) => {
    const configNames = keptForGood.map(({ name }) => name)
    const answer = await asked(cluster.any(), 'DescribeConfigs', {
      resources: [{ type: topicResource, name: kafkaName(topic), configNames }],
      includeSynonyms: false,
    })
    const [resource] = answer.resources
    checkCode(resource?.errorCode, `the settings of ${topic}`)
    const found = new Map(
      (resource?.configEntries ?? []).map(({ configName, configValue }) => [configName, configValue]),
    )
    const finite = keptForGood.filter(({ name, value }) => found.has(name) && found.get(name) !== value)
    if (finite.length === 0) return
    const list = (of: (name: string, value: string) => string) =>
      finite.map(({ name, value }) => of(name, value)).join(', ')
    const problem = `dead letters of ${topic} are lost in time by ${list((name) => `${name}=${found.get(name) ?? ''}`)}`
    warn(`kafka: ${problem}: set ${list((name, value) => `${name}=${value}`)}`)
  }

  return (topic) => {
    if (!isDeadLetterTopic(topic) || told.has(topic)) return
    told.add(topic)
    look(topic).catch(() => undefined)
  }
}
