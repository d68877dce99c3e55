import { amqpBindings } from './bindings.ts'
import { amqpBrowser } from './browser.ts'
import { amqpConnection } from './connection.ts'
import { namedQueueReaders } from './named-queue-readers.ts'
import { amqpProbe } from './probe.ts'
import { amqpPublisher } from './publisher.ts'
import { amqpSettings, type AmqpSettings } from './settings.ts'
import { amqpSubscription } from './subscription.ts'
import { declareExchange, TopologyError } from './topology.ts'
import { MessagingUrlError } from '@armature/messaging/errors'
import type { Driver, Guarantees } from '@armature/messaging/ports'
import { createDriver } from '@armature/messaging-kit/create-driver'
import type { OpenOptions } from '@armature/messaging-kit/open-options'

/** The guarantees of the driver with these settings. */
export const amqpGuarantees = ({
  type,
  singleActive,
  queue,
}: Pick<AmqpSettings, 'type' | 'singleActive'> & Partial<Pick<AmqpSettings, 'queue'>>): Guarantees => ({
  atLeastOnce: true,
  order: singleActive ? 'key' : 'none',
  replay: false,
  groups: true,
  wildcards: type === 'topic' && queue === undefined,
  headers: true,
  delay: true,
})

/**
 * Opens `amqp://user:password@host:5672/vhost?options`, RabbitMQ by AMQP 0-9-1. There is one connection to publish and, from the first subscription
 * on, one to consume, since a broker that is short of memory or disk stops reading from connections that publish. Rejects with MessagingUrlError and
 * ConnectError.
 */
export const openAmqp = async (url: string, options: OpenOptions = {}): Promise<Driver> => {
  const { source = '/armature', warn = (problem: string) => process.emitWarning(problem) } = options
  const settings = amqpSettings(url)
  const { connectWaitMs, closeWaitMs } = settings.url
  const publishing = amqpConnection({ settings, name: 'armature: publish', warn })
  const consuming = amqpConnection({ settings, name: 'armature: consume', warn })

  try {
    await declareExchange(await publishing.session(connectWaitMs), settings)
  } catch (error) {
    await publishing.close(closeWaitMs)
    if (error instanceof TopologyError) throw new MessagingUrlError(error.message, { cause: error })
    throw error
  }

  const publisher = amqpPublisher({ connection: publishing, settings, source, warn })
  const bindings = amqpBindings({ connection: consuming, settings, warn })
  const readers = namedQueueReaders()
  return createDriver({
    scheme: 'amqp',
    guarantees: amqpGuarantees(settings),
    instead: insteadOf(settings),
    limits: settings,
    send: publisher.send,
    open: (request) => amqpSubscription({ connection: consuming, settings, bindings, readers, warn }, request),
    browser: amqpBrowser({ connection: consuming, settings }),
    probe: amqpProbe(publishing),
    isConnected: () => publishing.isConnected,
    end: async () => {
      bindings.close()
      publisher.end()
      await Promise.all([publishing.close(closeWaitMs), consuming.close(closeWaitMs)])
    },
    closeWaitMs,
    clock: options.clock,
  })
}

const insteadOf = ({ type, queue }: AmqpSettings): string => {
  if (queue !== undefined)
    return `all of the queue ${queue} comes to its subscribers; subscribe to one topic, such as its name`
  return type === 'topic' ? 'use kafka: or jetstream:' : 'use type=topic for wildcards, kafka: or jetstream: for replay'
}
