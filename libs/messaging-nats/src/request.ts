import { errors } from '@nats-io/nats-core'
import { failureText } from '@armature/messaging/failure-text'
import { decodeMessage, encodeMessage, plainHeaders } from './codec.ts'
import type { NatsLink } from './connection.ts'
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

interface Parts {
  readonly link: NatsLink
  readonly source: string
}

/** What asks over this link: resolves to the first answer. Rejects with RequestError, and with PublishError for what `check` refuses. */
export const requester =
  ({ link, source, check }: Parts & { readonly check: (topic: string, message: Message) => void }) =>
  async (topic: string, message: Message, options: RequestOptions = {}): Promise<Message> => {
    const timeoutMs = numberOption('timeoutMs', options.timeoutMs ?? 5_000, 1)
    check(topic, message)
    const { headers, body } = encodeMessage(topic, message, source)
    const asked = { headers: plainHeaders(headers), timeout: timeoutMs }
    const answer = await link.nc.request(topic, body, asked).catch((cause: unknown) => {
      throw noAnswer(topic, timeoutMs, cause)
    })
    const failed = answer.headers?.get(errorText) ?? ''
    if (failed !== '' || (answer.headers?.has(errorCode) ?? false)) throw new RequestError(topic, 'failed', failed)
    const origin = { topic, receivedAt: new Date(), fallbackId: `answer to ${message.id}` }
    const decoded = decodeMessage(answer, origin)
    if (decoded.undecodable === undefined) return decoded.message
    throw new RequestError(topic, 'failed', decoded.undecodable.message, decoded.undecodable)
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

/** What answers requests over this link, as one member of a group where one is named: a handler that rejects answers that it failed. */
export const responder =
  ({
    link,
    source,
    subscribe,
  }: Parts & {
    readonly subscribe: (topic: string, handle: Handler, options?: SubscribeOptions) => Promise<Subscription>
  }) =>
  (topic: string, answer: Answer, options?: SubscribeOptions): Promise<Subscription> => {
    const reply = (subject: string, request: Delivery, message: Message, more: Readonly<Record<string, string>>) => {
      const { headers, body } = encodeMessage(request.topic, message, source)
      link.nc.publish(subject, body, { headers: plainHeaders({ ...headers, ...more }) })
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
