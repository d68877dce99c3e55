import { createInbox, errors, type Msg } from '@nats-io/nats-core'
import { failureText } from '@armature/messaging/failure-text'
import { addedHeader, decodeMessage, encodeMessage, plainHeaders, statusOf } from './codec.ts'
import type { Connection } from './connection.ts'
import { replySubject } from './subscription.ts'
import { message as newMessage, type Message } from '@armature/messaging/message'
import { numberOption } from '@armature/async/option-checks'
import type { Delivery, Handler, SubscribeOptions, Subscription } from '@armature/messaging/ports'

export interface RequestOptions {
  /** How long an answer is waited for. Default 5,000. */
  readonly timeoutMs?: number
}

/** Resolves to the answer; its topic does not matter. */
export type Answer = (request: Delivery) => Promise<Message | undefined>

export type RequestFault = 'nobody' | 'timeout' | 'failed' | 'unavailable'

/** A request that has no answer. */
export class RequestError extends Error {
  override readonly name = 'RequestError'
  readonly topic: string
  /** `failed`: the one who should have answered said so. The others may succeed later. */
  readonly fault: RequestFault

  constructor(topic: string, fault: RequestFault, problem: string, cause?: unknown) {
    super(`no answer to the request to ${JSON.stringify(topic.slice(0, 100))}: ${problem}`, { cause })
    this.topic = topic
    this.fault = fault
  }
}

/** The headers by which services of NATS say that they failed (its ADR-32). */
const errorCode = 'Nats-Service-Error-Code'
const errorText = 'Nats-Service-Error'
const noResponders = 503

interface Parts {
  readonly connection: Connection
  readonly source: string
}

/**
 * Creates the function that sends requests over this connection. It resolves to the first answer. It rejects with RequestError, and with
 * PublishError for a message that `check` refuses.
 */
export const requester =
  ({ connection, source, check }: Parts & { readonly check: (topic: string, message: Message) => void }) =>
  async (topic: string, message: Message, options: RequestOptions = {}): Promise<Message> => {
    const timeoutMs = numberOption('timeoutMs', options.timeoutMs ?? 5_000, 1)
    check(topic, message)
    const { headers, body } = encodeMessage(topic, message, source)
    const request = (reply: string) => connection.nc.publish(topic, body, { headers: plainHeaders(headers), reply })
    const answer = await firstAnswer(connection, { topic, request, timeoutMs }).catch((cause: unknown) => {
      throw noAnswer(topic, timeoutMs, cause)
    })
    if (answer.data.byteLength === 0 && statusOf(answer) === noResponders)
      throw noAnswer(topic, timeoutMs, new errors.NoRespondersError(topic))
    const failed = addedHeader(answer, errorText)
    if (failed !== '' || addedHeader(answer, errorCode) !== '') throw new RequestError(topic, 'failed', failed)
    const origin = { topic, receivedAt: new Date(), fallbackId: `answer to ${message.id}` }
    const decoded = decodeMessage(answer, origin)
    if (decoded.undecodable === undefined) return decoded.message
    throw new RequestError(topic, 'failed', decoded.undecodable.message, decoded.undecodable)
  }

/** Not by the client's own `request`, which reads the headers of an answer where an odd name ends the reading of the whole connection. */
const firstAnswer = async (
  { nc, onError }: Connection,
  {
    topic,
    request,
    timeoutMs,
  }: { readonly topic: string; readonly request: (reply: string) => void; readonly timeoutMs: number },
): Promise<Msg> => {
  const answered = Promise.withResolvers<Msg>()
  const inbox = createInbox()
  const subscription = nc.subscribe(inbox, {
    max: 1,
    timeout: timeoutMs,
    callback: (error, msg) => (error === null ? answered.resolve(msg) : answered.reject(error)),
  })
  const forget = onError((error) => {
    if (error instanceof errors.PermissionViolationError && error.subject === topic) answered.reject(error)
  })
  void subscription.closed.then(() => answered.reject(new Error('the connection is closed')))
  try {
    request(inbox)
    return await answered.promise
  } finally {
    forget()
    subscription.unsubscribe()
  }
}

const noAnswer = (topic: string, timeoutMs: number, cause: unknown): RequestError => {
  const { message } = cause as Error
  if (cause instanceof errors.NoRespondersError || (cause instanceof errors.RequestError && cause.isNoResponders())) {
    return new RequestError(topic, 'nobody', 'nobody responds to it', cause)
  }
  if (cause instanceof errors.TimeoutError)
    return new RequestError(topic, 'timeout', `none within ${timeoutMs} ms`, cause)
  return new RequestError(topic, 'unavailable', message, cause)
}

/**
 * Creates the function that answers requests over this connection, as one member of a group if one is named. If a handler rejects, the
 * answer says that it failed.
 */
export const responder =
  ({
    connection,
    source,
    subscribe,
  }: Parts & {
    readonly subscribe: (topic: string, handle: Handler, options?: SubscribeOptions) => Promise<Subscription>
  }) =>
  (topic: string, answer: Answer, options?: SubscribeOptions): Promise<Subscription> => {
    const reply = (subject: string, request: Delivery, message: Message, more: Readonly<Record<string, string>>) => {
      const { headers, body } = encodeMessage(request.topic, message, source)
      connection.nc.publish(subject, body, { headers: plainHeaders({ ...headers, ...more }) })
    }
    const handle: Handler = async (request) => {
      const subject = replySubject(request)
      if (subject === undefined) return
      try {
        if (request.undecodable !== undefined) throw request.undecodable
        const message = await answer(request)
        if (message === undefined) throw new Error('the responder has no answer')
        reply(subject, request, message, {})
      } catch (error) {
        const text = failureText(error).message.replaceAll(/[^\u0020-\u007e]+/g, ' ')
        const failure = newMessage(request.topic, '', { headers: {} })
        reply(subject, request, failure, { [errorCode]: '500', [errorText]: text === '' ? 'failed' : text })
      }
    }
    return subscribe(topic, handle, options)
  }
