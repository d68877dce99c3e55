import { watchBroker } from '@armature/messaging-kit/broker-watch'
import { parseBrokerUrl } from '@armature/messaging-kit/broker-url'
import { PublishError, SubscribeError } from '@armature/messaging/errors'
import { checkSubject, encodeMessage, wireHeaders } from './codec.ts'
import { openLink, within } from './connection.ts'
import { natsOptions } from './credentials.ts'
import { requester, responder, type Answer, type RequestOptions } from './request.ts'
import { openSubscription, type CoreSubscription } from './subscription.ts'
import type { Message } from '@armature/messaging/message'
import type { OpenOptions } from '@armature/messaging-kit/open-options'
import { checkPublish } from '@armature/messaging-kit/outgoing'
import type { Driver, Guarantees, Handler, SubscribeOptions, Subscription } from '@armature/messaging/ports'
import { subscribeSettings } from '@armature/messaging-kit/subscribe-settings'
import { checkPattern } from '@armature/messaging/topic-pattern'

/** A client of NATS without JetStream: fast, and at most once. */
export interface NatsDriver extends Driver {
  /**
   * Sends the message and resolves with the answer of one who responds to the topic. Rejects with RequestError: `nobody` responds, no
   * answer within `timeoutMs`, or the one who should have answered `failed`.
   */
  request(topic: string, message: Message, options?: RequestOptions): Promise<Message>
  /**
   * Answers requests to a topic. Responders of one `group` share them. What `answer` rejects with is told to the requester, and so is
   * that it resolved to nothing; a message that nobody waits for an answer to is answered by none.
   */
  respond(topic: string, answer: Answer, options?: SubscribeOptions): Promise<Subscription>
}

export const natsGuarantees: Guarantees = {
  atLeastOnce: false,
  order: 'topic',
  replay: false,
  groups: true,
  wildcards: true,
  headers: true,
  delay: false,
}

/**
 * Opens `nats://user:password@host:port,host:port?options`. `publish` resolves when the server has taken the messages (a PING sent after
 * them was answered), which is no promise that anybody gets them. Rejects with ConnectError and MessagingUrlError.
 */
export const openNats = async (given: string, options: OpenOptions = {}): Promise<NatsDriver> => {
  const url = parseBrokerUrl(given, { schemes: ['nats'], defaultPort: 4222, options: natsOptions })
  const { clock, source = '/armature', warn = (problem: string) => process.emitWarning(problem) } = options
  const link = await openLink(url, warn)
  const { nc } = link
  const subscriptions = new Set<CoreSubscription>()
  const publishing = new Set<Promise<void>>()
  /** Of topics that this user may not publish to. */
  const denied = new Map<string, Error>()
  let closing: Promise<void> | undefined

  link.onError((error) => {
    const { operation, subject } = error as { operation?: string; subject?: string }
    if (operation === 'publish' && subject !== undefined) denied.set(subject, error)
  })

  const watch = watchBroker({ clock, probe: () => link.ping() })

  const unavailable = (topic: string, cause: unknown) =>
    new PublishError(`${(cause as Error).message}: NATS may hold the messages or not`, {
      topic,
      fault: 'unavailable',
      cause,
    })

  const send = async (topic: string, messages: readonly Message[]): Promise<void> => {
    const encoded = messages.map((message) => encodeMessage(topic, message, source))
    try {
      await link.whenConnected(url.publishWaitMs)
    } catch (cause) {
      throw unavailable(topic, cause)
    }
    denied.delete(topic)
    for (const { headers, body } of encoded) publishOne(topic, headers, body)
    try {
      await link.flush()
    } catch (cause) {
      throw unavailable(topic, cause)
    }
    const cause = denied.get(topic)
    if (cause !== undefined) {
      throw new PublishError('this user may not publish to it: ask for the permission', {
        topic,
        fault: 'bad-topic',
        cause,
      })
    }
  }

  const publishOne = (topic: string, headers: Readonly<Record<string, string>>, body: Uint8Array) => {
    try {
      nc.publish(topic, body, { headers: wireHeaders(headers) })
    } catch (cause) {
      throw new PublishError((cause as Error).message, { topic, fault: 'too-large', cause })
    }
  }

  const check = (topic: string, messages: readonly Message[]) => {
    checkPublish(topic, messages, { maxMessageBytes: link.maxMessageBytes, closed: closing !== undefined })
    try {
      checkSubject(topic)
    } catch (cause) {
      throw new PublishError((cause as Error).message, { topic, fault: 'bad-topic', cause })
    }
  }

  const publish = async (topic: string, messages: readonly Message[]): Promise<void> => {
    check(topic, messages)
    if (messages.length === 0) return
    const sent = send(topic, messages)
    publishing.add(sent)
    try {
      await sent
    } finally {
      publishing.delete(sent)
    }
  }

  const subscribe = async (topic: string, handle: Handler, options: SubscribeOptions = {}) => {
    if (closing !== undefined) throw new SubscribeError(topic, 'the connection is closed')
    try {
      checkPattern(topic)
      checkSubject(topic)
    } catch (error) {
      throw new SubscribeError(topic, (error as Error).message, error)
    }
    const settings = subscribeSettings(topic, options)
    if (typeof settings.from === 'object') {
      throw new SubscribeError(topic, "nats: keeps nothing, so there is no replay: use from: 'latest', or jetstream:")
    }
    const subscription = await openSubscription({
      link,
      topic,
      handle,
      settings,
      group: options.group,
      waitMs: url.connectWaitMs,
      clock,
      warn,
      onClosed: () => subscriptions.delete(subscription),
    })
    subscriptions.add(subscription)
    return subscription
  }

  const close = async () => {
    watch.stop()
    await Promise.all([...subscriptions].map((subscription) => subscription.stop()))
    await Promise.all([...subscriptions].map((subscription) => subscription.close()))
    if (link.connected) await within(url.closeWaitMs, Promise.allSettled(publishing))
    await link.close()
  }

  return {
    scheme: 'nats',
    guarantees: natsGuarantees,
    publish,
    subscribe,
    request: requester({ link, source, check: (topic, message) => check(topic, [message]) }),
    respond: responder({ link, source, subscribe }),
    health: () => ({ lostMs: watch.lostMs, unreadable: [] }),
    close: () => (closing ??= close()),
  }
}
