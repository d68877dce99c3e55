import { commonMetrics } from '@armature/telemetry/common-metrics'
import { watchBroker } from '@armature/messaging-kit/broker-watch'
import { jetstream, jetstreamManager, type JetStreamManager } from '@nats-io/jetstream'
import { parseBrokerUrl, type BrokerUrl } from '@armature/messaging-kit/broker-url'
import { ConnectError, PublishError, SubscribeError } from '@armature/messaging/errors'
import { deadLetterAdvisories } from './jetstream-advisories.ts'
import { jetstreamBrowser } from './jetstream-browser.ts'
import { consumers } from './jetstream-consumers.ts'
import { jetstreamPublisher } from './jetstream-publisher.ts'
import { jetstreamOptions, jetstreamSettings } from './jetstream-settings.ts'
import { topicStreams } from './jetstream-streams.ts'
import { openJetstreamSubscription } from './jetstream-subscription.ts'
import type { Message } from '@armature/messaging/message'
import { checkSubject } from './codec.ts'
import { openLink, within, type NatsLink } from './connection.ts'
import type { OpenOptions } from '@armature/messaging-kit/open-options'
import { checkPublish } from '@armature/messaging-kit/outgoing'
import type { Driver, Guarantees, Handler, SubscribeOptions, Subscription } from '@armature/messaging/ports'
import { reconnectDelayMs } from '@armature/async/backoff'
import { subscribeSettings } from '@armature/messaging-kit/subscribe-settings'
import { checkPattern } from '@armature/messaging/topic-pattern'

export const jetstreamGuarantees: Guarantees = {
  atLeastOnce: true,
  order: 'topic',
  replay: true,
  groups: true,
  wildcards: true,
  headers: true,
  delay: true,
}

const advisoryRetryMs = 5_000

/**
 * Opens `jetstream://user:password@host:port,host:port?options`. `publish` resolves when the stream has stored the messages. Rejects with
 * ConnectError (also where the server has no JetStream) and MessagingUrlError.
 */
export const openJetstream = async (given: string, options: OpenOptions = {}): Promise<Driver> => {
  const url = parseBrokerUrl(given, { schemes: ['jetstream'], defaultPort: 4222, options: jetstreamOptions })
  const limits = jetstreamSettings(url)
  const { clock, source = '/armature', warn = (problem: string) => process.emitWarning(problem) } = options
  const link = await openLink(url, warn)
  const jsm = await managerOf(link, url)
  const streams = topicStreams(jsm, limits)
  const groups = consumers(jsm, limits)
  const onDuplicate = () =>
    options.metrics?.count(commonMetrics.component_discarded_events_total, 1, {
      component: 'jetstream',
      intentional: true,
      reason: 'duplicate',
    })
  const publishing = jetstreamPublisher(link, streams, { source, publishWaitMs: url.publishWaitMs, onDuplicate })
  const subscriptions = new Set<Subscription>()
  const underWay = new Set<Promise<void>>()
  const browser = jetstreamBrowser({ link, jsm, streams, connectWaitMs: url.connectWaitMs })
  // It answers where JetStream is there, too: its servers may be, without a leader.
  const watch = watchBroker({
    clock,
    probe: async () => {
      await link.ping()
      await jsm.getAccountInfo()
    },
  })
  let advisories: Promise<() => Promise<void>> | undefined
  let closing: Promise<void> | undefined

  /** From the first group on, once. */
  const followAdvisories = () => {
    if (advisories !== undefined || limits.advisories === 'off') return
    const client = jetstream(link.nc)
    const publisher = { publish: publishing.publish, close: async () => undefined }
    advisories = deadLetterAdvisories({ link, jsm, client, settings: limits, publisher, browser, warn })
    advisories.catch((error: unknown) => {
      if (closing !== undefined) return
      warn(`messages that NATS gives up become no dead letters yet: ${(error as Error).message}`)
      setTimeout(() => {
        advisories = undefined
        if (closing === undefined) followAdvisories()
      }, advisoryRetryMs).unref()
    })
  }

  const publish = async (topic: string, messages: readonly Message[]): Promise<void> => {
    checkPublish(topic, messages, { maxMessageBytes: link.maxMessageBytes, closed: closing !== undefined })
    try {
      checkSubject(topic)
    } catch (cause) {
      throw new PublishError((cause as Error).message, { topic, fault: 'bad-topic', cause })
    }
    if (messages.length === 0) return
    const sent = publishing.publish(topic, messages)
    underWay.add(sent)
    try {
      await sent
    } finally {
      underWay.delete(sent)
    }
  }

  const subscribe = async (topic: string, handle: Handler, subscribing: SubscribeOptions = {}) => {
    if (closing !== undefined) throw new SubscribeError(topic, 'the connection is closed')
    try {
      checkPattern(topic)
      checkSubject(topic)
    } catch (error) {
      throw new SubscribeError(topic, (error as Error).message, error)
    }
    const settings = subscribeSettings(topic, subscribing)
    const open = () =>
      openJetstreamSubscription({
        link,
        streams,
        consumers: groups,
        limits,
        topic,
        group: subscribing.group,
        handle,
        settings,
        closeWaitMs: url.closeWaitMs,
        clock,
        warn,
        onClosed: () => subscriptions.delete(subscription),
      })
    const subscription = await open().catch((error: unknown) => {
      throw new SubscribeError(topic, (error as Error).message, error)
    })
    subscriptions.add(subscription)
    if (subscribing.group !== undefined) followAdvisories()
    return subscription
  }

  const finish = async () => {
    await Promise.all([...subscriptions].map((subscription) => subscription.stop()))
    if (link.connected) await Promise.allSettled(underWay)
    await Promise.all([...subscriptions].map((subscription) => subscription.close()))
    const stopAdvisories = await advisories?.catch(() => undefined)
    await stopAdvisories?.()
  }

  const close = async () => {
    watch.stop()
    await within(url.closeWaitMs, finish())
    publishing.close('the connection was closed before NATS confirmed: it may be stored or not')
    await link.close()
  }

  return {
    scheme: 'jetstream',
    guarantees: jetstreamGuarantees,
    publish,
    subscribe,
    browser,
    health: () => ({ lostMs: watch.lostMs, unreadable: [] }),
    close: () => (closing ??= close()),
  }
}

/** JetStream may take a moment to be ready after its server is. */
const managerOf = async (link: NatsLink, url: BrokerUrl): Promise<JetStreamManager> => {
  const deadlineMs = performance.now() + url.connectWaitMs
  for (let attempt = 1; ; attempt++) {
    try {
      return await jetstreamManager(link.nc)
    } catch (cause) {
      const isMissing = /not enabled/i.test((cause as Error).message)
      const delayMs = reconnectDelayMs(attempt)
      if (!isMissing && performance.now() + delayMs < deadlineMs) {
        await new Promise((resolve) => setTimeout(resolve, delayMs))
        continue
      }
      await link.close()
      const advice = 'start nats-server with --jetstream, or use nats: where at most once is enough'
      throw new ConnectError('unavailable', `jetstream: the server has no JetStream: ${advice}`, { cause })
    }
  }
}
