import { randomUUID } from 'node:crypto'

/** One message. Immutable: middleware that changes one makes a copy. On the wire it is a CloudEvent 1.0 in binary mode. */
export interface Message {
  /** Unique for ever; what sinks and dedupe recognise a repeat by. The CloudEvents `id`. */
  readonly id: string
  /** Where it was or will be published. Concrete: no wildcard. */
  readonly topic: string
  /** Messages with the same key are kept in order by drivers that declare `order: 'key'`. */
  readonly key?: string | undefined
  /** When what the message tells of happened. The CloudEvents `time`. */
  readonly time: Date
  /** Application headers and CloudEvents extensions (`traceparent`, `correlationid`, ...); names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

export interface MessageOptions {
  id?: string
  key?: string
  time?: Date
  headers?: Readonly<Record<string, string>>
}

/** A new message. A string body is sent as UTF-8. Anything but a string or bytes belongs in `jsonMessage`. */
export const message = (topic: string, body: Uint8Array | string, options: MessageOptions = {}): Message => ({
  id: options.id ?? randomUUID(),
  topic,
  key: options.key,
  time: options.time ?? new Date(),
  headers: options.headers ?? {},
  body: typeof body === 'string' ? Buffer.from(body) : body,
})

/** A new message whose body is `value` as JSON, marked by the header `content-type`. */
export const jsonMessage = (topic: string, value: unknown, options: MessageOptions = {}): Message =>
  message(topic, JSON.stringify(value), {
    ...options,
    headers: { 'content-type': 'application/json', ...options.headers },
  })

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** The body as text. Throws TypeError where it is not valid UTF-8. */
export const bodyText = ({ body }: Pick<Message, 'body'>): string => utf8.decode(body)

/** The body parsed as JSON. Throws TypeError (not UTF-8) or SyntaxError (not JSON). */
export const bodyJson = (source: Pick<Message, 'body'>): unknown => JSON.parse(bodyText(source))
