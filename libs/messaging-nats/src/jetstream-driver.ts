import { jetstream } from '@nats-io/jetstream'
import { within } from '@armature/async/within'
import { commonMetrics } from '@armature/telemetry/common-metrics'
import { createDriver } from '@armature/messaging-kit/create-driver'
import type { OpenOptions } from '@armature/messaging-kit/open-options'
import type { Driver, Guarantees } from '@armature/messaging/ports'
import { checkSubject } from './codec.ts'
import { openConnection } from './connection.ts'
import { deadLetterAdvisories } from './jetstream-advisories.ts'
import { jetstreamBrowser } from './jetstream-browser.ts'
import { openJetstreamManager } from './jetstream-connection.ts'
import { jetstreamConsumers } from './jetstream-consumers.ts'
import { streamLives } from './jetstream-lives.ts'
import { jetstreamPublisher } from './jetstream-publisher.ts'
import { jetstreamSettings } from './jetstream-settings.ts'
import { topicStreams } from './jetstream-streams.ts'
import { openJetstreamSubscription } from './jetstream-subscription.ts'

export const jetstreamGuarantees: Guarantees = {
  atLeastOnce: true,
  order: 'topic',
  replay: true,
  groups: true,
  wildcards: true,
  headers: true,
  delay: true,
}

/**
 * Opens `jetstream://user:password@host:port,host:port?options`. `publish` resolves when the stream has stored the messages. Rejects with
 * MessagingUrlError, and with ConnectError, also where the server has no JetStream.
 */
export const openJetstream = async (given: string, options: OpenOptions = {}): Promise<Driver> => {
  const settings = jetstreamSettings(given)
  const { publishWaitMs, connectWaitMs, closeWaitMs } = settings.url
  const { clock, metrics, source = '/armature', warn = (problem: string) => process.emitWarning(problem) } = options
  const connection = await openConnection(settings.url, warn)
  const jsm = await openJetstreamManager(connection, connectWaitMs)
  const streams = topicStreams(jsm, settings)
  const onDuplicate = () => {
    const labels = { component: 'jetstream', intentional: true, reason: 'duplicate' }
    metrics?.count(commonMetrics.component_discarded_events_total, 1, labels)
  }
  const publisher = jetstreamPublisher({ connection, streams, source, publishWaitMs, onDuplicate })
  const browser = jetstreamBrowser({ connection, jsm, streams, connectWaitMs })
  const advisories = deadLetterAdvisories({ jsm, client: jetstream(connection.nc), settings, publisher, browser, warn })
  const subscribing = {
    ...{ connection, streams, settings, connectWaitMs, closeWaitMs, clock, warn },
    consumers: jetstreamConsumers(jsm, settings),
    lives: streamLives(jsm),
  }
  return createDriver({
    scheme: 'jetstream',
    guarantees: jetstreamGuarantees,
    limits: connection,
    checkTopic: checkSubject,
    send: publisher.publish,
    open: async (request) => {
      const subscription = await openJetstreamSubscription({ ...subscribing, request })
      if (request.group !== undefined) advisories.start()
      return subscription
    },
    browser,
    // The servers of a stream may be there without a leader: the API alone tells.
    probe: () => Promise.all([connection.ping(), jsm.getAccountInfo()]),
    isConnected: () => connection.connected,
    end: async () => {
      await within(
        closeWaitMs,
        advisories.stop().catch(() => undefined),
      )
      publisher.abort('the connection was closed before NATS confirmed: it may be stored or not')
      await connection.close()
    },
    closeWaitMs,
    clock,
  })
}
