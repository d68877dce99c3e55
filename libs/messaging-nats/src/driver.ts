import { parseBrokerUrl } from '@armature/messaging-kit/broker-url'
import { createDriver } from '@armature/messaging-kit/create-driver'
import { checkSubject } from './codec.ts'
import { openLink } from './connection.ts'
import { natsOptions } from './credentials.ts'
import { requester, responder, type Answer, type RequestOptions } from './request.ts'
import { natsPublisher } from './publisher.ts'
import { openSubscription } from './subscription.ts'
import type { Message } from '@armature/messaging/message'
import type { OpenOptions } from '@armature/messaging-kit/open-options'
import type { Driver, Guarantees, SubscribeOptions, Subscription } from '@armature/messaging/ports'

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
  const { publishWaitMs, connectWaitMs: waitMs, closeWaitMs } = url
  const driver = createDriver({
    scheme: 'nats',
    guarantees: natsGuarantees,
    instead: 'use jetstream:',
    limits: link,
    checkTopic: checkSubject,
    send: natsPublisher({ link, source, publishWaitMs }),
    open: (request) => openSubscription({ ...request, link, waitMs, clock, warn }),
    probe: () => link.ping(),
    isConnected: () => link.connected,
    end: () => link.close(),
    closeWaitMs,
    clock,
  })
  const checkRequest = (topic: string, message: Message) => driver.check(topic, [message])
  return {
    ...driver,
    request: requester({ link, source, check: checkRequest }),
    respond: responder({ link, source, subscribe: driver.subscribe }),
  }
}
