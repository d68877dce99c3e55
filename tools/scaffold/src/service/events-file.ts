import { handlerName, type Connection, type ServiceSpec } from './spec.ts'

/** events.ts: what the service takes from topics and publishes, from which its contracts are written. */
export const eventsFile = ({ name, connections }: ServiceSpec): string => {
  const unique = uniqueNames()
  const taken = byBroker(
    connections,
    'consumes',
    (topic) => `{ name: '${unique(handlerName(topic))}', topic: '${topic}', schema: entry }`,
  )
  const sent = byBroker(
    connections,
    'publishes',
    (topic) =>
      `{ name: '${unique(`${name}-${handlerName(topic)}`)}', summary: 'An entry that ${name} keeps', topic: '${topic}', schema: entry }`,
  )
  return `import { defineEvents, type ReceivedEvents, type SentEvent } from '@armature/messaging/events'
import { entry } from './entry.ts'

/** What is taken from topics, by their broker. */
export const taken = {
${taken.map(({ lines }) => lines).join('')}} as const satisfies { readonly [broker: string]: readonly ReceivedEvents[] }

/** What is published to topics, by their broker. */
export const sent = {
${sent.map(({ lines }) => lines).join('')}} as const satisfies { readonly [broker: string]: readonly SentEvent[] }

/** All that ${name} publishes and takes. */
export const events = defineEvents({
  sends: [${sent.map(({ broker }) => `...sent.${broker}`).join(', ')}],
  receives: [${taken.map(({ broker }) => `...taken.${broker}`).join(', ')}],
})
`
}

const byBroker = (
  connections: readonly Connection[],
  direction: 'consumes' | 'publishes',
  entryOf: (topic: string) => string,
) =>
  connections
    .filter((each) => each[direction].length > 0)
    .map((each) => ({
      broker: each.broker,
      lines: `  ${each.broker}: [${each[direction].map(entryOf).join(', ')}],\n`,
    }))

/** The second of a name gets a number. */
const uniqueNames = () => {
  const counts = new Map<string, number>()
  return (name: string): string => {
    const count = (counts.get(name) ?? 0) + 1
    counts.set(name, count)
    return count === 1 ? name : `${name}-${count}`
  }
}
