import { createDriver, type DriverParts } from '@armature/messaging-kit/create-driver'
import type { OpenOptions } from '@armature/messaging-kit/open-options'
import { SubscribeError } from '@armature/messaging/errors'
import type { Driver, Guarantees } from '@armature/messaging/ports'
import { isPattern } from '@armature/messaging/topic-pattern'
import { kafkaBrowser } from './browser.ts'
import { kafkaCluster, type KafkaCluster } from './cluster.ts'
import type { MakeSocket } from './connection.ts'
import { faultText } from './faults.ts'
import { kafkaName } from './names.ts'
import { kafkaPublisher } from './publisher.ts'
import { retentionTeller } from './retention.ts'
import { kafkaSettings } from './settings.ts'
import { kafkaSubscription, type KafkaSubscription, type SubscriptionParts } from './subscription.ts'
import { kafkaTopics } from './topics.ts'

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
  const subscriptions = openSubscriptions({ newCluster, clock, warn })

  return createDriver({
    scheme: 'kafka',
    guarantees: kafkaGuarantees,
    limits: settings,
    checkTopic: (topic) => {
      if (!isPattern(topic)) kafkaName(topic)
    },
    send: async (topic, messages) => {
      await publisher.send(topic, messages)
      tellRetention(topic)
    },
    sendRun: async (topic, run) => {
      await publisher.sendRun(topic, run)
      tellRetention(topic)
    },
    open: subscriptions.open,
    browser: kafkaBrowser({ cluster, topics, looked: tellRetention }),
    probe: cluster.probe,
    unreadable: subscriptions.unreadable,
    end: async () => {
      subscriptions.end()
      publisher.close()
      cluster.close()
    },
    closeWaitMs: settings.closeWaitMs,
    clock,
  })
}

interface OpenSubscriptionsParts extends Pick<SubscriptionParts, 'clock' | 'warn'> {
  readonly newCluster: () => KafkaCluster
}

/**
 * The subscriptions of one driver. Each has connections of its own: fetches that wait and a group that shares hold up only what belongs to
 * them.
 */
const openSubscriptions = ({ newCluster, clock, warn }: OpenSubscriptionsParts) => {
  /** Also of subscriptions that are being opened. */
  const clusters = new Set<KafkaCluster>()
  const subscriptions = new Set<KafkaSubscription>()

  const open: DriverParts['open'] = async ({ topic, ...request }) => {
    const cluster = newCluster()
    clusters.add(cluster)
    let subscription: KafkaSubscription | undefined
    try {
      subscription = await kafkaSubscription({
        ...{ ...request, cluster, clock, warn },
        topics: kafkaTopics(cluster),
        pattern: topic,
        ended: () => {
          if (subscription !== undefined) subscriptions.delete(subscription)
          clusters.delete(cluster)
        },
      })
      subscriptions.add(subscription)
      return subscription
    } catch (error) {
      cluster.close()
      clusters.delete(cluster)
      throw new SubscribeError(topic, faultText(error), error)
    }
  }

  return {
    open,
    unreadable: () => [...subscriptions].flatMap((each) => each.unreadable()),
    end: () => {
      for (const each of clusters) each.close()
    },
  }
}
