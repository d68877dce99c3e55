import { checkPattern, checkTopic } from '@armature/messaging/topic-pattern'
import { camelCase, checkName, pascalCase, snakeCase } from '../names.ts'
import { Refusal } from '../refusal.ts'

/** The options of `service`, as they are given. */
export interface ServiceOptions {
  readonly name: string
  readonly description?: string
  readonly api?: 'grpc' | 'http' | 'none'
  /** `kafka:orders,nats:alerts.>` */
  readonly consumes?: string
  readonly publishes?: string
  readonly store?: 'postgres' | 'none'
  readonly owner?: string
}

/** The servers between services, as settings, values of charts and tests name them. */
export const brokers = ['kafka', 'nats', 'rabbitmq', 'redis'] as const
export type Broker = (typeof brokers)[number]

const otherNames: Readonly<Record<string, Broker>> = { jetstream: 'nats', amqp: 'rabbitmq', 'redis-streams': 'redis' }

/** A topic at a broker. */
export interface Place {
  readonly broker: Broker
  readonly topic: string
}

/** The connection of a service to one broker. */
export interface Connection {
  readonly broker: Broker
  /** The setting with its URL: `messagingUrl` for the first one. */
  readonly setting: string
  /** Among the edges: `openMessaging` for the first one. */
  readonly open: string
  readonly consumes: readonly string[]
  readonly publishes: readonly string[]
}

/** What a service is made of: its options, checked, and what follows from them. */
export interface ServiceSpec {
  readonly name: string
  readonly camel: string
  readonly pascal: string
  readonly snake: string
  readonly description: string
  readonly api: 'grpc' | 'http' | 'none'
  readonly store: 'postgres' | 'none'
  readonly connections: readonly Connection[]
  readonly consumes: readonly Place[]
  readonly publishes: readonly Place[]
  readonly owner: string | undefined
}

/** Words that the sources of a service use for something else. */
const ownWords = new Set([
  ...[
    'accept',
    'api',
    'combine',
    'config',
    'edges',
    'entry',
    'handlers',
    'methods',
    'migrations',
    'process',
    'publish',
  ],
  ...['real-edges', 'routes', 'run', 'settings', 'store', 'status', 'telemetry'],
])

/** Checks the options of `service`. Throws Refusal for the first that is wrong. */
export const serviceSpec = (options: ServiceOptions): ServiceSpec => {
  const { name, api = 'none', store = 'none', description = 'Keeps entries by their id' } = options
  checkName(name)
  if (ownWords.has(name)) throw new Refusal(`The name "${name}" is reserved`, 'Choose another one')
  const consumes = placesOf('consumes', options.consumes, checkPattern)
  const publishes = placesOf('publishes', options.publishes, checkTopic)
  if (api === 'none' && consumes.length === 0)
    throw new Refusal(`The service "${name}" would have nothing to do`, 'Give --api, --consumes or both')
  checkDescription(description)
  return {
    name,
    camel: camelCase(name),
    pascal: pascalCase(name),
    snake: snakeCase(name),
    description,
    api,
    store,
    connections: connectionsOf(consumes, publishes),
    consumes,
    publishes,
    owner: ownerOf(options.owner),
  }
}

const placesOf = (flag: string, text = '', check: (topic: string) => void): readonly Place[] => {
  const places = text
    .split(',')
    .map((item) => item.trim())
    .filter(Boolean)
    .map((item) => placeOf(flag, item, check))
  const repeated = places.find(({ broker, topic }, index) =>
    places.slice(0, index).some((other) => other.broker === broker && other.topic === topic),
  )
  if (repeated !== undefined)
    throw new Refusal(`--${flag} has ${repeated.broker}:${repeated.topic} twice`, 'Name each topic once')
  return places
}

const placeOf = (flag: string, item: string, check: (topic: string) => void): Place => {
  const [, transport = item, topic = ''] = /^([^:]*):(.*)$/.exec(item) ?? []
  const broker = otherNames[transport] ?? brokers.find((each) => each === transport)
  if (broker === undefined)
    throw new Refusal(
      `--${flag} names the transport "${transport}", which is not known`,
      `Write BROKER:TOPIC with one of ${brokers.join(', ')}, such as kafka:orders`,
    )
  // Such a topic would have to be quoted in code and in the flags of a shell.
  if (/['"`\\$]/.test(topic)) throw new Refusal(`--${flag}: ${topic} holds a quote`, 'Use letters, digits, dots and -')
  try {
    check(topic)
  } catch (error) {
    throw new Refusal(`--${flag}: ${(error as Error).message}`, 'Write BROKER:TOPIC, such as kafka:orders')
  }
  return { broker, topic }
}

const connectionsOf = (consumes: readonly Place[], publishes: readonly Place[]): readonly Connection[] => {
  const used = [...new Set([...consumes, ...publishes].map(({ broker }) => broker))]
  const topicsOf = (places: readonly Place[], broker: Broker) =>
    places.filter((place) => place.broker === broker).map(({ topic }) => topic)
  return used.map((broker, index) => ({
    broker,
    setting: index === 0 ? 'messagingUrl' : `${broker}Url`,
    open: index === 0 ? 'openMessaging' : `open${pascalCase(broker)}`,
    consumes: topicsOf(consumes, broker),
    publishes: topicsOf(publishes, broker),
  }))
}

const maxDescriptionLength = 120

/** It stands in JSON, Markdown tables, YAML and comments. */
const checkDescription = (description: string): void => {
  if (!/^[A-Z][\w ,;:()'-]*$/.test(description) || description.length > maxDescriptionLength)
    throw new Refusal(
      `The description ${JSON.stringify(description)} cannot stand in all documents`,
      `Use at most ${maxDescriptionLength} letters, digits, spaces and , ; : ( ) ' -, with a capital first and no full stop`,
    )
}

const ownerOf = (owner: string | undefined): string | undefined => {
  if (owner === undefined || owner === '') return undefined
  const handle = owner.startsWith('@') ? owner : `@${owner}`
  if (!/^@[\w-]+(\/[\w-]+)?$/.test(handle))
    throw new Refusal(
      `The owner ${JSON.stringify(owner)} is no team`,
      'Write --owner TEAM or --owner ORGANISATION/TEAM',
    )
  return handle
}

/** The name of the handler of a topic: lower case, digits and -. */
export const handlerName = (topic: string): string =>
  topic
    .replaceAll('>', 'all')
    .replaceAll('*', 'any')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '') || 'topic'

/** A topic that the pattern matches. */
export const concrete = (pattern: string): string => pattern.replaceAll('*', 'some').replace(/>$/, 'some')
