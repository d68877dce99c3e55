import { patternOf } from '@armature/messaging/events'
import type { Declared, Received, Sent } from './declared.ts'
import type { JsonSchema } from './json-schema.ts'
import { overlap } from './topics.ts'

type Json = Readonly<Record<string, unknown>>

interface Channel {
  readonly id: string
  /** Undefined: known at run time alone. */
  readonly topic: string | undefined
  readonly messages: Record<string, { readonly $ref: string }>
}

/** A document of AsyncAPI 3.0: the events of all services, a channel for each topic, an operation for each service that sends or takes. */
export const asyncApi = (title: string, version: string, services: readonly Declared[]): Json => {
  const sent = services.flatMap(({ sends }) => sends)
  const channels = new Map<string, Channel>()
  const operations: Record<string, Json> = {}
  const messages = Object.fromEntries(sent.map((event) => [event.name, messageOf(event)]))

  const channelOf = (topic: string | undefined, fallback: string): Channel => {
    const id = topic === undefined ? fallback : channelId(topic)
    const channel = channels.get(id) ?? { id, topic, messages: {} }
    channels.set(id, channel)
    return channel
  }
  const operate = (id: string, service: string, action: 'send' | 'receive', channel: Channel, names: string[]) => {
    for (const name of names) channel.messages[name] = { $ref: `#/components/messages/${name}` }
    operations[id] = {
      action,
      channel: { $ref: `#/channels/${channel.id}` },
      tags: [{ name: service }],
      ...(names.length > 0 && {
        messages: names.map((name) => ({ $ref: `#/channels/${channel.id}/messages/${name}` })),
      }),
    }
  }
  for (const { service, sends, receives } of services) {
    for (const { name, topic } of sends)
      operate(`${service}-sends-${name}`, service, 'send', channelOf(topic, `${service}-${name}`), [name])
    for (const received of receives) {
      const names = namesOf(received, sent)
      const own = `${service}-${received.name}`
      if (names.length === 0) {
        messages[own] = unknownMessage(received)
        names.push(own)
      }
      operate(`${own}-receives`, service, 'receive', channelOf(received.topic, own), names)
    }
  }
  return {
    asyncapi: '3.0.0',
    info: {
      title,
      version,
      description:
        'Messages are CloudEvents 1.0 in binary mode. What a handler cannot take goes to the topic TOPIC.DLT. Topics are those of the default settings.',
    },
    defaultContentType: 'application/json',
    channels: Object.fromEntries([...channels.values()].map((channel) => [channel.id, channelOfDocument(channel)])),
    operations,
    components: { messages },
  }
}

/** The events that a handler takes. */
const namesOf = ({ topic }: Received, sent: readonly Sent[]): string[] =>
  topic === undefined
    ? []
    : sent.flatMap((event) => (event.topic !== undefined && overlap(patternOf(event.topic), topic) ? [event.name] : []))

/** `alerts.{name}` is `alerts-name`, `logs.>` is `logs-all`. */
const channelId = (topic: string): string =>
  topic
    .replaceAll('>', 'all')
    .replaceAll('*', 'any')
    .replaceAll(/[^\w]+/g, '-')
    .replaceAll(/^-|-$/g, '')

const channelOfDocument = ({ topic, messages }: Channel): Json => {
  const parameters = [...(topic ?? '').matchAll(/\{([a-z][\w-]*)\}/gi)].map(([, name = '']) => [name, {}])
  return {
    address: topic ?? null,
    messages,
    ...(parameters.length > 0 && { parameters: Object.fromEntries(parameters) as Json }),
  }
}

const messageOf = ({ name, summary, types, contentTypes, schema }: Sent): Json => ({
  name,
  summary,
  ...(contentTypes.length === 1 && { contentType: contentTypes[0] }),
  headers: headersOf(types, contentTypes),
  ...(schema && { payload: schema }),
})

const unknownMessage = ({ name, schema }: Received): Json => ({
  name,
  summary: 'Messages of others',
  ...(schema && { payload: schema }),
})

/** The attributes of CloudEvents, by the names that the drivers give to handlers. */
const headersOf = (types: readonly string[], contentTypes: readonly string[]): JsonSchema => ({
  type: 'object',
  properties: {
    ...(types.length > 0 && { type: { type: 'string', enum: types } }),
    ...(contentTypes.length > 0 && { 'content-type': { type: 'string', enum: contentTypes } }),
  },
})
