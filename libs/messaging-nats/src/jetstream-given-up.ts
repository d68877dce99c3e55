import type { JetStreamManager, JsMsg } from '@nats-io/jetstream'
import { deadLetterTopic, isDeadLetterTopic } from '@armature/messaging/dead-letter'
import { UnrecoverableError } from '@armature/messaging/errors'
import { failureText } from '@armature/messaging/failure-text'
import type { Publisher } from '@armature/messaging/ports'
import { publishDeadLetter } from '@armature/messaging/publish-dead-letter'
import type { StoredMessage, TopicBrowser } from '@armature/messaging/topic-browser'
import { isReserved } from './codec.ts'
import { storedMessage } from './jetstream-browser.ts'
import { apiErrors, unlessCode } from './jetstream-faults.ts'
import { advisoryStream, isOwnDurable } from './jetstream-names.ts'
import type { JetstreamSettings } from './jetstream-settings.ts'

/** The server's advisory on a message that it gives up: https://github.com/nats-io/jsm.go/tree/main/schemas/jetstream/advisory/v1 */
interface Advisory {
  readonly type: string
  readonly timestamp: string
  readonly stream: string
  readonly consumer: string
  readonly stream_seq: number
  readonly deliveries: number
  /** The reason that the client gave when it terminated the message. */
  readonly reason?: string
}

export interface GivenUpParts {
  readonly jsm: JetStreamManager
  readonly settings: JetstreamSettings
  /** Publishes the dead letters. */
  readonly publisher: Pick<Publisher, 'publish'>
  readonly browser: TopicBrowser
  readonly warn: (problem: string) => void
}

/** The clocks of two servers may differ by this much. */
const clockSkewMs = 1_000
/** So many dead letters are looked through for one that is there already. */
const maxLooked = 10_000

/**
 * Publishes the dead letter of the message that an advisory is about. An advisory that comes again is looked for in the dead letters first.
 * Does nothing for consumers of others, unless the settings say `all`. Warns where the message is gone. Rejects where the server does not
 * answer or the dead letter is not stored.
 */
export const publishGivenUp = async (parts: GivenUpParts, msg: JsMsg): Promise<void> => {
  const { jsm, settings, warn } = parts
  const advisory = msg.json<Advisory>()
  const { stream, consumer, stream_seq: sequence } = advisory
  if (stream === advisoryStream || (settings.advisories === 'own' && !isOwnDurable(consumer))) return
  const stored = await unlessCode(jsm.streams.getMessage(stream, { seq: sequence }), [apiErrors.noStream], null)
  // A message that is younger than what is said of it is of another life of the stream.
  if (stored === null || stored.time.getTime() > Date.parse(advisory.timestamp) + clockSkewMs) {
    warn(`message ${sequence} of the stream ${stream}, which NATS gave up, is not there any more: no dead letter`)
    return
  }
  if (isReserved(stored.subject) || isDeadLetterTopic(stored.subject)) return
  const message = storedMessage(stream, '', stored)
  const group = await groupOf(jsm, stream, consumer)
  if (msg.redelivered && (await isPublished(parts.browser, message, group, advisory))) return
  await publishLetter(parts.publisher, message, group, advisory)
}

const publishLetter = (
  publisher: GivenUpParts['publisher'],
  message: StoredMessage,
  group: string,
  advisory: Advisory,
): Promise<void> => {
  const { timestamp, deliveries, consumer } = advisory
  const { reason, name, message: problem } = failureText(errorOf(advisory, group))
  const atMs = Date.parse(timestamp)
  const { topic, position, time } = message
  const facts = {
    ...{ topic, position, time, group, deliveries, reason },
    handler: consumer,
    error: name,
    message: problem,
    stack: '',
    attempts: 1,
    firstFailureMs: atMs,
    lastFailureMs: atMs,
  }
  return publishDeadLetter({ publisher, message, facts })
}

const errorOf = ({ type, deliveries, reason }: Advisory, group: string): UnrecoverableError => {
  if (!type.endsWith('terminated')) {
    return new UnrecoverableError('max-deliveries', `${group} did not acknowledge it in ${deliveries} deliveries`)
  }
  const said = reason === undefined ? '' : `: ${reason}`
  return new UnrecoverableError('terminated', `a member of ${group} terminated it${said}`)
}

/** The name that the subscriber gave the group. It is the consumer's own where the consumer is another program's or gone. */
const groupOf = async (jsm: JetStreamManager, stream: string, consumer: string): Promise<string> => {
  const absent = [apiErrors.noConsumer, apiErrors.noStream]
  const info = await unlessCode(jsm.consumers.info(stream, consumer), absent, undefined)
  return info?.config.metadata?.['armature.group'] ?? consumer
}

/** Whether the dead letter of this advisory was published before: the acknowledgement of the advisory was lost. */
const isPublished = async (
  browser: TopicBrowser,
  message: StoredMessage,
  group: string,
  { timestamp }: Advisory,
): Promise<boolean> => {
  const sinceMs = Date.parse(timestamp)
  for await (const letter of browser.browse(deadLetterTopic(message.topic), { max: maxLooked })) {
    const { headers, id, storedAt } = letter
    const isOfThis =
      id === message.id &&
      headers['kafka_dlt-original-offset'] === String(message.position?.offset) &&
      headers['kafka_dlt-original-consumer-group'] === group
    if (isOfThis && storedAt.getTime() >= sinceMs) return true
  }
  return false
}
