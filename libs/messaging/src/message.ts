import { randomUUID } from 'node:crypto'
import { type MessageKey, textOfKey } from './message-key.ts'

/** One message. Immutable: middleware that changes one makes a copy. On the wire it is a CloudEvent 1.0 in binary mode. */
export interface Message extends MessageKey {
  /** The CloudEvents `id`: unique for ever among the events of one source. What repeats are recognised by is `identityOf`. */
  readonly id: string
  /** The topic to which it was or will be published. Concrete: no wildcard. */
  readonly topic: string
  /** When the event happened. The CloudEvents `time`. */
  readonly time: Date
  /** Application headers and CloudEvents extensions (`traceparent`, `correlationid`, ...); names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** Empty for a tombstone. */
  readonly body: Uint8Array
  /**
   * The message has no value, which is not the same as an empty one: on a compacted topic of Kafka it deletes its key. Kafka writes null;
   * where a protocol has no null, an attribute says it.
   */
  readonly tombstone?: true | undefined
}

export interface MessageOptions {
  id?: string
  key?: string
  /** Without `key`, a text that stands for them is the key. */
  keyBytes?: Uint8Array
  time?: Date
  headers?: Readonly<Record<string, string>>
}

/** A new message. A string body is sent as UTF-8. Anything but a string or bytes belongs in `jsonMessage`. */
export const message = (topic: string, body: Uint8Array | string, options: MessageOptions = {}): Message => ({
  id: options.id ?? randomUUID(),
  topic,
  key: options.key ?? (options.keyBytes && textOfKey(options.keyBytes)),
  ...(options.keyBytes && { keyBytes: options.keyBytes }),
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

/** A new message without a value. */
export const tombstone = (topic: string, options: MessageOptions = {}): Message => ({
  ...message(topic, '', options),
  tombstone: true,
})

/** The message alone of what holds more, such as a delivery. */
export const bareMessage = ({ id, topic, key, keyBytes, time, headers, body, tombstone }: Message): Message => ({
  id,
  topic,
  key,
  keyBytes,
  time,
  headers,
  body,
  tombstone,
})

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** The body as text. Throws TypeError where it is not valid UTF-8. */
export const bodyText = ({ body }: Pick<Message, 'body'>): string => utf8.decode(body)

/** The body parsed as JSON. Throws TypeError (not UTF-8) or SyntaxError (not JSON). */
export const bodyJson = (source: Pick<Message, 'body'>): unknown => JSON.parse(bodyText(source))
