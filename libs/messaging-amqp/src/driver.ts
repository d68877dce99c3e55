import { amqpBrowser } from './browser.ts'
import { amqpLink } from './connection.ts'
import { amqpProbe } from './probe.ts'
import { amqpPublisher } from './publisher.ts'
import { amqpSettings, type AmqpSettings } from './settings.ts'
import { amqpSubscriber } from './subscription.ts'
import { declareExchange, TopologyError } from './topology.ts'
import { watchBroker } from '@armature/messaging-kit/broker-watch'
import { MessagingUrlError } from '@armature/messaging/errors'
import type { OpenOptions } from '@armature/messaging-kit/open-options'
import type { Driver, Guarantees } from '@armature/messaging/ports'

/** What the driver promises with these settings. */
export const amqpGuarantees = ({ type, singleActive }: Pick<AmqpSettings, 'type' | 'singleActive'>): Guarantees => ({
  atLeastOnce: true,
  order: singleActive ? 'key' : 'none',
  replay: false,
  groups: true,
  wildcards: type === 'topic',
  headers: true,
  delay: true,
})

/**
 * Opens `amqp://user:password@host:5672/vhost?options`, RabbitMQ by AMQP 0-9-1: one connection to publish and, from the first
 * subscription on, one to consume, since the broker stops reading from connections that publish when it is short of memory or disk.
 * Rejects with MessagingUrlError and ConnectError.
 */
export const openAmqp = async (url: string, options: OpenOptions = {}): Promise<Driver> => {
  const { source = '/armature', warn = (problem: string) => process.emitWarning(problem) } = options
  const settings = amqpSettings(url)
  const { connectWaitMs, closeWaitMs } = settings.url
  const publishing = amqpLink({ settings, name: 'armature: publish', warn })
  const consuming = amqpLink({ settings, name: 'armature: consume', warn })

  try {
    await declareExchange(await publishing.session(connectWaitMs), settings)
  } catch (error) {
    await publishing.close(closeWaitMs)
    if (error instanceof TopologyError) throw new MessagingUrlError(error.message, { cause: error })
    throw error
  }

  const publisher = amqpPublisher({ link: publishing, settings, source, warn })
  const subscriber = amqpSubscriber({ link: consuming, settings, warn })
  const watch = watchBroker({ clock: options.clock, probe: amqpProbe(publishing) })
  let closing: Promise<void> | undefined

  return {
    scheme: 'amqp',
    guarantees: amqpGuarantees(settings),
    publish: (topic, messages) => publisher.publish(topic, messages),
    browser: amqpBrowser({ link: consuming, settings }),
    subscribe: (topic, handle, given) => subscriber.subscribe(topic, handle, given),
    health: () => ({ lostMs: watch.lostMs, unreadable: [] }),
    close: () => {
      watch.stop()
      closing ??= (async () => {
        await Promise.all([publisher.close(), subscriber.close()])
        await Promise.all([publishing.close(closeWaitMs), consuming.close(closeWaitMs)])
      })()
      return closing
    },
  }
}
