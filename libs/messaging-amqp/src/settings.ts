import { parseBrokerUrl, type BrokerUrl, type OptionKind } from '@armature/messaging-kit/broker-url'
import { MessagingUrlError } from '@armature/messaging/errors'

export type ExchangeType = 'direct' | 'topic' | 'fanout' | 'headers'
export type QueueType = 'quorum' | 'classic'

const options = {
  exchange: 'text',
  type: 'text',
  bind: 'text',
  queue: 'text',
  mandatory: 'toggle',
  queueType: 'text',
  singleActive: 'toggle',
  deliveryLimit: 'integer',
  priority: 'integer',
  expireMs: 'integer',
  heartbeatSeconds: 'integer',
  maxMessageBytes: 'integer',
} as const satisfies Record<string, OptionKind>

/** The settings of an `amqp:` URL, with their defaults. */
export interface AmqpSettings {
  readonly url: BrokerUrl<keyof typeof options>
  readonly vhost: string
  /** The exchange to publish to, with the topic as routing key. */
  readonly exchange: string
  readonly type: ExchangeType
  /** The arguments of bindings to a headers exchange. */
  readonly bind: Readonly<Record<string, BindValue>> | undefined
  /** The one queue that subscribers consume, made and bound by others; undefined = the driver's own queues, bound to the exchange. */
  readonly queue: string | undefined
  /** Whether a publish that no queue takes is an error. Default true, since nobody keeps such a message. */
  readonly mandatory: boolean
  /** The type of the queues of groups and of dead letters. */
  readonly queueType: QueueType
  /** One member of a group at a time gets messages, so that they come in the order of the queue. */
  readonly singleActive: boolean
  /** The broker dead-letters a message by itself after so many deliveries; undefined = never. */
  readonly deliveryLimit: number | undefined
  /** The priority of consumers: those with the highest get messages first. */
  readonly priority: number | undefined
  /** How long the queue of a subscriber without a group outlives its connection, in milliseconds. */
  readonly expireMs: number
  readonly heartbeatSeconds: number
  readonly maxMessageBytes: number
}

export type BindValue = string | number | boolean

const defaultExchange = 'armature'
const defaultExpireMs = 300_000
const defaultHeartbeatSeconds = 10
const defaultMaxMessageBytes = 16 * 1024 * 1024
const longestNameBytes = 100
/** AMQP's short strings. */
const longestQueueBytes = 255

/** Reads an `amqp:` or `amqps:` URL. Throws MessagingUrlError, which holds no credential. */
export const amqpSettings = (given: string): AmqpSettings => {
  const url = parseBrokerUrl(given, { schemes: ['amqp', 'amqps'], defaultPort: portOf(given), options })
  const { options: own } = url
  const whole = (name: keyof typeof own, otherwise: number, least: number) => {
    const value = Number(own[name] ?? otherwise)
    return value >= least ? value : fail(`has the ${name} ${value}: give ${least} or more`)
  }
  const exchange = own.exchange ?? defaultExchange
  if (Buffer.byteLength(exchange) > longestNameBytes) {
    fail(`has an exchange of more than ${longestNameBytes} bytes: name a shorter one`)
  }
  const type = oneOf('type', own.type ?? 'topic', ['topic', 'direct', 'fanout', 'headers'])
  const queueType = oneOf('queueType', own.queueType ?? 'quorum', ['quorum', 'classic'])
  const { deliveryLimit, priority } = own
  if (deliveryLimit !== undefined && queueType === 'classic') {
    fail('has a deliveryLimit, which classic queues do not have: leave it out, or use queueType=quorum')
  }
  if (own.queue !== undefined) checkQueue(own.queue, own)
  return {
    url,
    vhost: url.path === '' ? '/' : url.path,
    exchange,
    type,
    bind: own.bind === undefined ? undefined : bindArguments(own.bind, type),
    queue: own.queue,
    mandatory: own.mandatory !== 'false',
    queueType,
    singleActive: own.singleActive === 'true',
    deliveryLimit: deliveryLimit === undefined ? undefined : whole('deliveryLimit', 0, 1),
    priority: priority === undefined ? undefined : Number(priority),
    expireMs: whole('expireMs', defaultExpireMs, 1_000),
    heartbeatSeconds: whole('heartbeatSeconds', defaultHeartbeatSeconds, 1),
    maxMessageBytes: whole('maxMessageBytes', defaultMaxMessageBytes, 1),
  }
}

const portOf = (url: string): number => (/^amqps:|[?&]tls=true(?:&|$)/i.test(url) ? 5671 : 5672)

const fail = (problem: string): never => {
  throw new MessagingUrlError(`the amqp: URL ${problem}`)
}

/** Options that only the declaration of a queue can have: a queue of others is declared by them. */
const optionsOfOwnQueues = ['bind', 'singleActive', 'deliveryLimit'] as const

const checkQueue = (queue: string, own: Readonly<Partial<Record<keyof typeof options, string>>>): void => {
  if (Buffer.byteLength(queue) > longestQueueBytes)
    fail(`has a queue of more than ${longestQueueBytes} bytes, which RabbitMQ cannot have: correct its name`)
  for (const name of optionsOfOwnQueues) {
    if (own[name] !== undefined)
      fail(`has ${name} beside queue: the one who declares the queue decides that; leave ${name} or queue out`)
  }
}

const oneOf = <Value extends string>(name: string, value: string, values: readonly Value[]): Value =>
  values.find((each) => each === value) ??
  fail(`has the ${name} ${JSON.stringify(value)}: use one of ${values.join(', ')}`)

const bindArguments = (text: string, type: ExchangeType): Readonly<Record<string, BindValue>> => {
  if (type !== 'headers') fail('has bind, which only a headers exchange uses: add type=headers, or leave it out')
  const wanted = 'give a JSON object of text, numbers and booleans, such as {"x-match":"any","format":"pdf"}'
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return fail(`has a bind that is not JSON: ${wanted}`)
  }
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  const entries = isObject ? Object.entries(value as object) : fail(`has a bind that is not an object: ${wanted}`)
  for (const [, each] of entries) {
    if (!['string', 'number', 'boolean'].includes(typeof each))
      fail(`has a bind with a value of another kind: ${wanted}`)
  }
  return Object.fromEntries(entries)
}
