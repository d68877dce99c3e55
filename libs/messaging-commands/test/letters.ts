import { systemClock, type Clock } from '@armature/async/clock'
import { compose } from '@armature/messaging/compose'
import { deadLetter, deadLetterTopic } from '@armature/messaging/dead-letter'
import { UnrecoverableError } from '@armature/messaging/errors'
import { memoryBroker } from '@armature/messaging-memory/broker'
import { message, type Message, type MessageOptions } from '@armature/messaging/message'
import type { Driver, Handler } from '@armature/messaging/ports'
import type { StoredMessage, TopicBrowser } from '@armature/messaging/topic-browser'

/** The driver's browser, which it must have. */
export const browserOf = ({ browser, scheme }: Driver): TopicBrowser => {
  if (browser === undefined) throw new Error(`${scheme} has no browser`)
  return browser
}

/** The messages that a topic holds now. */
export const heldIn = async (driver: Driver, topic: string): Promise<readonly StoredMessage[]> => {
  const held: StoredMessage[] = []
  for await (const one of browserOf(driver).browse(topic, { max: 100_000 })) held.push(one)
  return held
}

/** Why a message fails: the reason in its header `fail`. */
const failing: Handler = async ({ headers }) => {
  throw new UnrecoverableError(headers['fail'] ?? 'failed', `it said ${headers['fail'] ?? 'nothing'}`)
}

/** A handler of `topic` around which what fails becomes a dead letter. */
export const failOn = (driver: Driver, topic: string, handler: Handler = failing, clock: Clock = systemClock()) =>
  driver.subscribe(
    topic,
    compose(deadLetter({ publisher: driver, handler: 'store', group: 'sinks', clock }))(handler),
    { group: 'sinks' },
  )

/** A message that fails for `reason`. */
export const poison = (topic: string, id: string, reason = 'failed', options: MessageOptions = {}): Message =>
  message(topic, `body of ${id}`, { ...options, id, headers: { fail: reason, own: 'kept', ...options.headers } })

/** A memory broker on which these messages have become dead letters of `topic`, in order. */
export const withLetters = async (topic: string, messages: readonly Message[], clock: Clock = systemClock()) => {
  const broker = memoryBroker({ clock, partitions: 1 })
  const driver = broker.connect()
  const subscription = await failOn(driver, topic, failing, clock)
  await driver.publish(topic, messages)
  while (broker.books().acked < messages.length) await new Promise<void>((resolve) => setImmediate(resolve))
  await subscription.close()
  return { broker, driver, letters: deadLetterTopic(topic) }
}
