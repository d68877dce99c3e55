import type { ConsumerMessages, JetStreamClient } from '@nats-io/jetstream'
import { nanos } from '@nats-io/nats-core'
import { reconnectDelayMs } from '@armature/async/backoff'
import { systemClock } from '@armature/async/clock'
import { wait } from '@armature/async/wait'
import { failureText } from '@armature/messaging/failure-text'
import { apiErrors, unlessCode } from './jetstream-faults.ts'
import { publishGivenUp, type GivenUpParts } from './jetstream-given-up.ts'
import { advisoryStream } from './jetstream-names.ts'

export interface AdvisoryParts extends GivenUpParts {
  readonly client: JetStreamClient
}

/** Makes dead letters of the messages that the server gives up. */
export interface Advisories {
  /** Begins, once. Does nothing where the settings say `off`. */
  start(): void
  stop(): Promise<void>
}

const subjects = ['MAX_DELIVERIES', 'MSG_TERMINATED'].map((event) => `$JS.EVENT.ADVISORY.CONSUMER.${event}.>`)
const durable = 'dead-letters'
/** Advisories of a time without any service are kept so long. */
const maxAgeMs = 7 * 86_400_000
const ackWaitMs = 30_000
const redeliverMs = 1_000
/** A consumer that is silent for two of them is looked for. */
const heartbeatMs = 2_000
const maxUnsettled = 10

/**
 * The server gives a message up when `max_deliver` is reached or a client terminates it. All services share the advisories that it sends
 * then, by one durable consumer of one stream. So none is lost while no service runs. An advisory is acknowledged when its dead letter is
 * stored. A stream or consumer that is gone is made again.
 */
export const deadLetterAdvisories = (parts: AdvisoryParts): Advisories => {
  const { settings, warn } = parts
  const stopping = new AbortController()
  const { signal } = stopping
  let messages: ConsumerMessages | undefined
  let following: Promise<void> | undefined
  let failures = 0

  const read = async () => {
    messages = await openMessages(parts)
    failures = 0
    if (signal.aborted) return void (await messages.close())
    for await (const msg of messages) {
      try {
        await publishGivenUp(parts, msg)
        msg.ack()
      } catch (error) {
        warn(`a message that NATS gave up is no dead letter yet: ${failureText(error).message}`)
        msg.nak(redeliverMs)
      }
    }
  }

  const follow = async () => {
    while (!signal.aborted) {
      await read().catch((error: unknown) => {
        failures++
        if (signal.aborted || failures > 1) return
        warn(`messages that NATS gives up become no dead letters now: ${failureText(error).message}`)
      })
      await wait(systemClock(), reconnectDelayMs(failures + 1), signal).catch(() => undefined)
    }
  }

  return {
    start: () => {
      if (settings.advisories !== 'off') following ??= follow()
    },
    stop: async () => {
      stopping.abort()
      await messages?.close()
      await following
    },
  }
}

/** The advisories, from a stream and a consumer that are made where they are not there. */
const openMessages = async ({ jsm, client, settings }: AdvisoryParts): Promise<ConsumerMessages> => {
  const stream = {
    name: advisoryStream,
    subjects,
    storage: settings.storage,
    num_replicas: settings.replicas,
    max_age: nanos(maxAgeMs),
  }
  await unlessCode(jsm.streams.add(stream), [apiErrors.nameInUse], undefined)
  const own = {
    durable_name: durable,
    ack_policy: 'explicit' as const,
    ack_wait: nanos(ackWaitMs),
    max_deliver: -1,
  }
  await unlessCode(jsm.consumers.add(advisoryStream, own), [apiErrors.consumerExists], undefined)
  const consumer = await client.consumers.get(advisoryStream, durable)
  // Without abort_on_missing_resource it waits for ever for a consumer that nobody makes.
  const options = { max_messages: maxUnsettled, abort_on_missing_resource: true, idle_heartbeat: heartbeatMs }
  return consumer.consume(options)
}
