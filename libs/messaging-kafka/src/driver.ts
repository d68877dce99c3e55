import { watchBroker } from '@armature/messaging-kit/broker-watch'
import { SubscribeError } from '@armature/messaging/errors'
import { kafkaBrowser } from './browser.ts'
import { kafkaCluster, type KafkaCluster } from './cluster.ts'
import type { MakeSocket } from './connection.ts'
import { faultText } from './faults.ts'
import { kafkaPublisher } from './publisher.ts'
import { retentionTeller } from './retention.ts'
import { kafkaSubscription, type KafkaSubscription } from './subscription.ts'
import { kafkaTopics } from './topics.ts'
import { kafkaSettings } from './settings.ts'
import type { OpenOptions } from '@armature/messaging-kit/open-options'
import type { Driver, Guarantees } from '@armature/messaging/ports'
import { subscribeSettings } from '@armature/messaging-kit/subscribe-settings'
import { checkPattern } from '@armature/messaging/topic-pattern'

export const kafkaGuarantees: Guarantees = {
  atLeastOnce: true,
  order: 'key',
  replay: true,
  groups: true,
  wildcards: true,
  headers: true,
  delay: true,
}

export interface OpenKafkaOptions extends OpenOptions {
  /** How sockets are made. Tests give one that they can cut. */
  readonly sockets?: MakeSocket
}

/**
 * A connection to Kafka 2.4 or newer (tested with 4.3). Rejects with MessagingUrlError for a bad URL and ConnectError where the broker does
 * not take the connection: at once for credentials and TLS, for an absent broker after connectWaitMs.
 */
export const openKafka = async (url: string, options: OpenKafkaOptions = {}): Promise<Driver> => {
  const settings = await kafkaSettings(url)
  const { source = '/armature', warn = (problem: string) => process.emitWarning(problem), sockets, clock } = options
  const newCluster = () => kafkaCluster({ settings, warn, sockets })
  const cluster = newCluster()
  try {
    await cluster.open()
  } catch (error) {
    cluster.close()
    throw error
  }
  const topics = kafkaTopics(cluster)
  const tellRetention = retentionTeller({ cluster, warn })
  const publisher = kafkaPublisher({ cluster, topics, source, warn })
  const watch = watchBroker({ clock, probe: cluster.probe })
  const subscriptions = new Set<KafkaSubscription>()
  const subscribing = new Set<KafkaCluster>()
  let closing: Promise<void> | undefined

  const subscribe: Driver['subscribe'] = async (pattern, handle, given = {}) => {
    if (closing !== undefined) throw new SubscribeError(pattern, 'the connection is closed')
    try {
      checkPattern(pattern)
    } catch (error) {
      throw new SubscribeError(pattern, (error as Error).message, error)
    }
    const own = subscribeSettings(pattern, given)
    // A connection of its own: fetches that wait and a group that shares hold up only what belongs to them.
    const ownCluster = newCluster()
    subscribing.add(ownCluster)
    let subscription: KafkaSubscription | undefined
    try {
      subscription = await kafkaSubscription({
        cluster: ownCluster,
        topics: kafkaTopics(ownCluster),
        pattern,
        group: given.group,
        handle,
        settings: own,
        clock,
        warn,
        ended: () => {
          if (subscription !== undefined) subscriptions.delete(subscription)
        },
      })
    } catch (error) {
      ownCluster.close()
      throw new SubscribeError(pattern, faultText(error), error)
    } finally {
      subscribing.delete(ownCluster)
    }
    subscriptions.add(subscription)
    if (closing === undefined) return subscription
    await subscription.close()
    throw new SubscribeError(pattern, 'the connection was closed')
  }

  return {
    scheme: 'kafka',
    guarantees: kafkaGuarantees,
    browser: kafkaBrowser({ cluster, topics, looked: tellRetention }),
    publish: async (topic, messages) => {
      await publisher.publish(topic, messages)
      tellRetention(topic)
    },
    subscribe,
    health: () => ({
      lostMs: watch.lostMs,
      unreadable: [...subscriptions].flatMap((each) => each.unreadable()),
    }),
    close: () => {
      watch.stop()
      closing ??= (async () => {
        for (const each of subscribing) each.close()
        await Promise.all([publisher.close(), ...[...subscriptions].map((each) => each.close())])
        cluster.close()
      })()
      return closing
    },
  }
}
