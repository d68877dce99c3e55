import { createDriver } from '@armature/messaging-kit/create-driver'
import { checkSubject } from './codec.ts'
import { openConnection } from './connection.ts'
import { requester, responder, type Answer, type RequestOptions } from './request.ts'
import { natsPublisher } from './publisher.ts'
import { natsSettings } from './settings.ts'
import { openSubscription } from './subscription.ts'
import type { Message } from '@armature/messaging/message'
import type { OpenOptions } from '@armature/messaging-kit/open-options'
import type { Driver, Guarantees, SubscribeOptions, Subscription } from '@armature/messaging/ports'

/** A client of NATS without JetStream: fast, and at most once. */
export interface NatsDriver extends Driver {
  /**
   * Sends a message and resolves with the first answer. Rejects with RequestError: `nobody` responds to the topic, no answer came within
   * `timeoutMs`, the responder `failed`, or NATS is `unavailable`.
   */
  request(topic: string, message: Message, options?: RequestOptions): Promise<Message>
  /**
   * Answers requests to a topic. Responders of one `group` share them. The requester learns what `answer` rejects with, and that it resolved
   * to nothing. A message to which nobody waits for an answer gets none.
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
 * Opens `nats://user:password@host:port,host:port?options`. `publish` resolves when the server has taken the messages: it has
 * answered a PING that followed them. That is no promise that anybody gets them. Rejects with ConnectError and MessagingUrlError.
 */
export const openNats = async (given: string, options: OpenOptions = {}): Promise<NatsDriver> => {
  const url = natsSettings(given)
  const { clock, source = '/armature', warn = (problem: string) => process.emitWarning(problem) } = options
  const connection = await openConnection(url, warn)
  const { publishWaitMs, connectWaitMs: waitMs, closeWaitMs } = url
  const driver = createDriver({
    scheme: 'nats',
    guarantees: natsGuarantees,
    instead: 'use jetstream:',
    limits: connection,
    checkTopic: checkSubject,
    send: natsPublisher({ connection, source, publishWaitMs }),
    open: (request) => openSubscription({ ...request, connection, waitMs, clock, warn }),
    probe: () => connection.ping(),
    isConnected: () => connection.connected,
    end: () => connection.close(),
    closeWaitMs,
    clock,
  })
  const checkRequest = (topic: string, message: Message) => driver.check(topic, [message])
  return {
    ...driver,
    request: requester({ connection, source, check: checkRequest }),
    respond: responder({ connection, source, subscribe: driver.subscribe }),
  }
}
