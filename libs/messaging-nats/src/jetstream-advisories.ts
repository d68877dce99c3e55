import type { ConsumerInfo, ConsumerMessages, JetStreamClient, JetStreamManager, JsMsg } from '@nats-io/jetstream'
import { nanos } from '@nats-io/nats-core'
import { systemClock } from '@armature/async/clock'
import { deadLetter, deadLetterTopic, isDeadLetterTopic } from '@armature/messaging/dead-letter'
import { UnrecoverableError } from '@armature/messaging/errors'
import { failureText } from '@armature/messaging/failure-text'
import { heldOf } from './jetstream-browser.ts'
import { advisoryStream, isOwnDurable } from './jetstream-names.ts'
import type { JetstreamSettings } from './jetstream-settings.ts'
import { apiCode, apiErrors } from './jetstream-streams.ts'
import { bareMessage } from '@armature/messaging/message'
import { isReserved } from './codec.ts'
import type { NatsLink } from './connection.ts'
import type { Handler, Publisher } from '@armature/messaging/ports'
import type { Held, TopicBrowser } from '@armature/messaging/topic-browser'

/** What the server says of a message that it gives up: https://github.com/nats-io/jsm.go/tree/main/schemas/jetstream/advisory/v1 */
interface Advisory {
  readonly type: string
  readonly timestamp: string
  readonly stream: string
  readonly consumer: string
  readonly stream_seq: number
  readonly deliveries: number
  /** Of the client that terminated it. */
  readonly reason?: string
}

export interface AdvisoryParts {
  readonly link: NatsLink
  readonly jsm: JetStreamManager
  readonly client: JetStreamClient
  readonly settings: JetstreamSettings
  readonly publisher: Publisher
  readonly browser: TopicBrowser
  readonly warn: (problem: string) => void
}

const subjects = ['MAX_DELIVERIES', 'MSG_TERMINATED'].map((what) => `$JS.EVENT.ADVISORY.CONSUMER.${what}.>`)
const durable = 'dead-letters'
/** Advisories of a time without any service are kept so long. */
const maxAgeMs = 7 * 86_400_000
const ackWaitMs = 30_000
const againMs = 1_000
/** A consumer that is silent for two of them is looked for. */
const heartbeatMs = 2_000
/** By which the clocks of two servers may differ. */
const clockSkewMs = 1_000
/** Dead letters that are looked through for one that is there already. */
const mostLooked = 10_000

/**
 * Turns what the server gives up (`max_deliver` reached, terminated by a client) into dead letters. The advisories are kept in a stream and
 * shared by all services by one durable consumer, so none is lost while no service runs, and each is acknowledged when its dead letter
 * is stored. One that comes again is looked for before it is published again. A stream or consumer that is gone is made again. Answers what
 * ends it.
 */
export const deadLetterAdvisories = async (parts: AdvisoryParts): Promise<() => Promise<void>> => {
  const { warn } = parts
  let messages = await begin(parts)
  let wake = () => {}
  let isStopped = false

  const work = async () => {
    for await (const msg of messages) {
      try {
        await handle(parts, msg)
        msg.ack()
      } catch (error) {
        warn(`a message that NATS gave up is no dead letter yet: ${failureText(error).message}`)
        msg.nak(againMs)
      }
    }
  }
  const pause = () =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, againMs).unref()
      wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  const workOn = async () => {
    while (!isStopped) {
      await work().catch((error: unknown) => {
        warn(`messages that NATS gives up become no dead letters now: ${failureText(error).message}`)
      })
      if (isStopped || parts.link.nc.isClosed()) return
      await pause()
      messages = await begin(parts).catch(() => messages)
    }
    await messages.close()
  }
  const working = workOn()
  return async () => {
    isStopped = true
    wake()
    await messages.close()
    await working
  }
}

/** The advisories, from a stream and a consumer that are made where they are not there. */
const begin = async ({ jsm, client, settings }: AdvisoryParts): Promise<ConsumerMessages> => {
  await jsm.streams
    .add({
      name: advisoryStream,
      subjects,
      storage: settings.storage,
      num_replicas: settings.replicas,
      max_age: nanos(maxAgeMs),
    })
    .catch((error: unknown) => {
      if (apiCode(error) !== apiErrors.nameInUse) throw error
    })
  await jsm.consumers
    .add(advisoryStream, {
      durable_name: durable,
      ack_policy: 'explicit',
      ack_wait: nanos(ackWaitMs),
      max_deliver: -1,
    })
    .catch((error: unknown) => {
      if (apiCode(error) !== apiErrors.consumerExists) throw error
    })
  const consumer = await client.consumers.get(advisoryStream, durable)
  // Else it waits for ever for one that nobody makes.
  return consumer.consume({ max_messages: 10, abort_on_missing_resource: true, idle_heartbeat: heartbeatMs })
}

const handle = async (parts: AdvisoryParts, msg: JsMsg): Promise<void> => {
  const { jsm, settings, warn } = parts
  const advisory = msg.json<Advisory>()
  const { stream, consumer, stream_seq: sequence } = advisory
  if (stream === advisoryStream || (settings.advisories === 'own' && !isOwnDurable(consumer))) return
  const stored = await jsm.streams.getMessage(stream, { seq: sequence }).catch((error: unknown) => {
    if (apiCode(error) === apiErrors.noStream) return null
    throw error
  })
  // A message that is younger than what is said of it is of another life of the stream.
  if (stored === null || stored.time.getTime() > Date.parse(advisory.timestamp) + clockSkewMs) {
    warn(`message ${sequence} of the stream ${stream}, which NATS gave up, is not there any more: no dead letter`)
    return
  }
  if (isReserved(stored.subject) || isDeadLetterTopic(stored.subject)) return
  const held = heldOf(stream, '', stored)
  const group = await groupOf(jsm, stream, consumer)
  if (msg.redelivered && (await isThere(parts.browser, held, group, advisory))) return
  await giveUp(parts, held, group, advisory)
}

/** By the middleware, as the last failure of a handler. */
const giveUp = (parts: AdvisoryParts, held: Held, group: string, advisory: Advisory): Promise<void> => {
  const { type, timestamp, deliveries, reason, consumer } = advisory
  const isTerminated = type.endsWith('terminated')
  const [label, problem] = isTerminated
    ? ['terminated', `a member of ${group} terminated it${reason === undefined ? '' : `: ${reason}`}`]
    : ['max-deliveries', `${group} did not acknowledge it in ${deliveries} deliveries`]
  const atMs = Date.parse(timestamp)
  const clock = { ...systemClock(), now: () => atMs }
  const last: Handler = async () => {
    throw new UnrecoverableError(label, problem)
  }
  const { signal } = new AbortController()
  const delivery = { ...bareMessage(held), position: held.position, attempt: deliveries, signal }
  return deadLetter({ publisher: parts.publisher, handler: consumer, group, clock })(last)(delivery)
}

/** The name that the subscriber gave the group; the consumer's own where it is not ours or gone. */
const groupOf = async (jsm: JetStreamManager, stream: string, consumer: string): Promise<string> => {
  const info: ConsumerInfo | undefined = await jsm.consumers.info(stream, consumer).catch((error: unknown) => {
    if (apiCode(error) === apiErrors.noConsumer || apiCode(error) === apiErrors.noStream) return undefined
    throw error
  })
  return info?.config.metadata?.['armature.group'] ?? consumer
}

/** Whether the dead letter of this advisory was published before: the acknowledgement of the advisory was lost. */
const isThere = async (browser: TopicBrowser, held: Held, group: string, { timestamp }: Advisory): Promise<boolean> => {
  const sinceMs = Date.parse(timestamp)
  for await (const letter of browser.browse(deadLetterTopic(held.topic), { max: mostLooked })) {
    const { headers, id, storedAt } = letter
    const isOfThis =
      id === held.id &&
      headers['kafka_dlt-original-offset'] === String(held.position?.offset) &&
      headers['kafka_dlt-original-consumer-group'] === group
    if (isOfThis && storedAt.getTime() >= sinceMs) return true
  }
  return false
}
