import type { ConfirmChannel } from 'amqplib'
import { closeChannel, onChannel } from './channel.ts'
import { brokerText, replyCode } from './faults.ts'
import type { AmqpSession } from './session.ts'
import { bindingKey, deadLetterQueue, givenUpTopic, registryQueue, routingKey } from './names.ts'
import type { AmqpSettings } from './settings.ts'

/** The broker refuses a declaration. The message is one line that says what to do. Waiting does not mend it. */
export class TopologyError extends Error {
  override readonly name = 'TopologyError'
}

const preconditionFailed = 406
const accessRefused = 403
const resourceLocked = 405
const notFound = 404
const maxRegistered = 10_000

const declared = async (what: string, job: () => Promise<unknown>): Promise<void> => {
  try {
    await job()
  } catch (error) {
    const code = replyCode(error)
    if (code !== preconditionFailed && code !== accessRefused) throw error
    const fix =
      code === preconditionFailed
        ? 'use the options of the URL it was made with, or remove it'
        : 'give the user the right to configure it'
    throw new TopologyError(`RabbitMQ refuses ${what} (${brokerText(error)}): ${fix}`, { cause: error })
  }
}

/** Makes the exchange if it is missing. An exchange of the right type is used as it is. Rejects with TopologyError. */
export const declareExchange = async (session: AmqpSession, { exchange, type }: AmqpSettings): Promise<void> => {
  const declare = () => onChannel(session, (channel) => channel.assertExchange(exchange, type, { durable: true }))
  try {
    await declare()
  } catch (error) {
    const isThere = replyCode(error) === preconditionFailed && !/inequivalent arg 'type'/.test(String(error))
    if (!isThere) await declared(`the exchange ${exchange}`, () => Promise.reject(error))
  }
}

/**
 * Makes the queue of the URL if it is missing: durable, without arguments, as others declare it who name nothing else. One that is there is taken
 * as it is. Rejects with TopologyError.
 */
export const declareNamedQueue = async (session: AmqpSession, queue: string): Promise<void> => {
  try {
    await onChannel(session, (channel) => channel.assertQueue(queue, { durable: true }))
  } catch (error) {
    const code = replyCode(error)
    const what = `the queue ${queue}`
    if (code === resourceLocked)
      throw new TopologyError(
        `${what} belongs to one connection alone (${brokerText(error)}): declare it not exclusive`,
      )
    if (code === preconditionFailed && /'stream'/.test(String(error)))
      throw new TopologyError(`${what} is a stream, which keeps what is acknowledged: bind a queue to what feeds it`)
    if (code === preconditionFailed) return
    // A user who may not make the queue may look whether it is there.
    if (code !== accessRefused || !(await queueExists(session, queue)))
      await declared(what, () => Promise.reject(error))
  }
}

/** The arguments of durable queues. */
const queueArguments = ({ queueType }: AmqpSettings, { brokerVersion }: AmqpSession): Record<string, unknown> => ({
  'x-queue-type': queueType,
  // From 4.0 on a quorum queue drops a message after 20 deliveries unless it is told otherwise.
  ...(queueType === 'quorum' && brokerVersion >= 4 ? { 'x-delivery-limit': -1 } : {}),
})

export interface GroupQueue {
  readonly queue: string
  readonly pattern: string
}

/** Makes the queue of a group and binds it. Rejects with TopologyError. */
export const declareGroupQueue = async (
  session: AmqpSession,
  settings: AmqpSettings,
  { queue, pattern }: GroupQueue,
): Promise<void> => {
  const { deliveryLimit, singleActive } = settings
  const arguments_ = {
    ...queueArguments(settings, session),
    ...(singleActive ? { 'x-single-active-consumer': true } : {}),
    ...(deliveryLimit === undefined
      ? {}
      : {
          'x-delivery-limit': deliveryLimit,
          'x-dead-letter-exchange': '',
          'x-dead-letter-routing-key': deadLetterQueue(settings, givenUpTopic(pattern)),
          // The broker keeps the message until the dead-letter queue holds it; that wants this way of refusing what is too much.
          'x-dead-letter-strategy': 'at-least-once',
          'x-overflow': 'reject-publish',
        }),
  }
  if (deliveryLimit !== undefined) await declareDeadLetterQueue(session, settings, givenUpTopic(pattern))
  await declared(`the queue ${queue}`, () =>
    onChannel(session, (channel) => channel.assertQueue(queue, { durable: true, arguments: arguments_ })),
  )
  await bindQueue(session, settings, { queue, pattern })
}

/** Makes the queue of a subscriber without a group. The broker removes it by itself when nobody has read it for `expireMs`. Rejects with TopologyError. */
export const declareTemporaryQueue = async (
  session: AmqpSession,
  settings: AmqpSettings,
  { queue, pattern }: GroupQueue,
): Promise<void> => {
  const arguments_ = { 'x-queue-type': 'classic', 'x-expires': settings.expireMs }
  await declared(`the queue ${queue}`, () =>
    onChannel(session, (channel) => channel.assertQueue(queue, { durable: true, arguments: arguments_ })),
  )
  await bindQueue(session, settings, { queue, pattern })
}

/** Binds a queue to the exchange. Rejects with TopologyError. */
export const bindQueue = (
  session: AmqpSession,
  settings: AmqpSettings,
  { queue, pattern }: GroupQueue,
): Promise<void> => {
  const { exchange, bind: bindArguments = {} } = settings
  return declared(`a binding of ${exchange}`, () =>
    onChannel(session, (channel) => channel.bindQueue(queue, exchange, bindingKey(pattern), bindArguments)),
  )
}

/** Whether dead letters go through the exchange, where others can subscribe to them. Else they go straight to their queue. */
export const deadLettersAreRouted = ({ type }: AmqpSettings): boolean => type === 'topic' || type === 'direct'

/**
 * Makes the queue that keeps what is published to a dead-letter topic. The queue has no limit of deliveries, so looking at it removes nothing. The
 * topic is written to the registry first, also when the queue is there already, since the registry may be a new one. That ends at `maxRegistered`
 * entries. A look at the registry removes repeats. Rejects with TopologyError.
 */
export const declareDeadLetterQueue = async (
  session: AmqpSession,
  settings: AmqpSettings,
  topic: string,
): Promise<void> => {
  const queue = deadLetterQueue(settings, topic)
  const registry = registryQueue(settings)
  const isNew = !(await queueExists(session, queue))
  await declareKept(session, settings, registry)
  const { messageCount } = await onChannel(session, (channel) => channel.checkQueue(registry))
  if (isNew || messageCount < maxRegistered) await writeToRegistry(session, settings, topic)
  if (isNew) await declareKept(session, settings, queue)
  if (!deadLettersAreRouted(settings)) return
  await declared(`a binding of ${settings.exchange}`, () =>
    onChannel(session, (channel) => channel.bindQueue(queue, settings.exchange, routingKey(topic))),
  )
}

/** Whether the registry of dead-letter topics exists, and whether the queue of this topic does. */
export const deadLetterQueuesExist = async (session: AmqpSession, settings: AmqpSettings, topic: string) => ({
  registry: await queueExists(session, registryQueue(settings)),
  queue: await queueExists(session, deadLetterQueue(settings, topic)),
})

/** Makes a queue if it is missing. Services of different settings share it, so it is used as it is. */
const declareKept = async (session: AmqpSession, settings: AmqpSettings, queue: string): Promise<void> => {
  if (await queueExists(session, queue)) return
  const kept = { durable: true, arguments: queueArguments(settings, session) }
  await declared(`the queue ${queue}`, () => onChannel(session, (channel) => channel.assertQueue(queue, kept)))
}

const writeToRegistry = async ({ model }: AmqpSession, settings: AmqpSettings, topic: string): Promise<void> => {
  const channel: ConfirmChannel = await model.createConfirmChannel()
  channel.on('error', () => undefined)
  try {
    channel.sendToQueue(registryQueue(settings), Buffer.from(topic), { persistent: true, contentType: 'text/plain' })
    await channel.waitForConfirms()
  } finally {
    await closeChannel(channel)
  }
}

/** Whether there is such a queue. */
export const queueExists = (session: AmqpSession, queue: string): Promise<boolean> =>
  isFound(onChannel(session, (channel) => channel.checkQueue(queue)))

/** Whether there is such an exchange. */
export const exchangeExists = (session: AmqpSession, exchange: string): Promise<boolean> =>
  isFound(onChannel(session, (channel) => channel.checkExchange(exchange)))

const isFound = (check: Promise<unknown>): Promise<boolean> =>
  check.then(
    () => true,
    (error: unknown) => {
      if (replyCode(error) === notFound) return false
      throw error
    },
  )
