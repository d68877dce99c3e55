import { canBeHeader } from './cloud-event-attributes.ts'
import {
  dialects,
  integer,
  type DeadLetterFindings,
  type DeadLetterWriter,
  type Dialect,
} from './dead-letter-dialects.ts'
import type { Position } from './position.ts'
import { rawHeaderPrefix, restoredHeaders, standsForOther } from './raw-headers.ts'
import { receivedTime } from './received-time.ts'
import { put } from './text-record.ts'

/** The contents of a dead letter's headers, whoever wrote them. */
export interface DeadLetterEnvelope extends DeadLetterFindings {
  readonly writer: DeadLetterWriter
  readonly traceparent?: string | undefined
  /** How often it was published again, counted by `dlt-redrives`. */
  readonly redrives: number
}

/** The contents of our envelope. Texts are written as they are: make them by `failureText`. */
export interface DeadLetterFacts {
  readonly topic: string
  readonly position?: Position | undefined
  /** The message's own. */
  readonly time: Date
  readonly group?: string | undefined
  readonly handler: string
  readonly reason: string
  readonly error: string
  readonly message: string
  readonly stack: string
  readonly attempts: number
  readonly deliveries: number
  readonly firstFailureMs: number
  readonly lastFailureMs: number
}

type Headers = Readonly<Record<string, string>>

/** The version of the envelope, in its header `dlt-envelope-version`. */
export const deadLetterEnvelopeVersion = 1

/** How often a dead letter was published again. It stays on the message, so that a letter that comes back keeps its count. */
export const redrivesHeader = 'dlt-redrives'

/** How many bytes the body of the message has, of which the letter holds the beginning. */
export const cutBodyHeader = 'dlt-cut-body-bytes'

/** The names of headers of the message that the letter has no room for. */
export const droppedHeadersHeader = 'dlt-dropped-headers'

/** When a person changed the message before it was published again, in ISO 8601. */
export const editedHeader = 'dlt-edited-time'

/** Headers of Spring Kafka that are big-endian integers on the wire, with their bytes. Everywhere else they are decimal text. */
export const binaryEnvelopeHeaders: Readonly<Record<string, 4 | 8>> = {
  'kafka_dlt-original-partition': 4,
  'kafka_dlt-original-offset': 8,
  'kafka_dlt-original-timestamp': 8,
  'retry_topic-attempts': 4,
}

/**
 * The headers of a dead letter. The `kafka_dlt-` ones are those of Spring Kafka, which redrive tools read. All are text; the Kafka driver
 * writes and reads those of `binaryEnvelopeHeaders` as bytes. `dlt-attempts` counts calls of the handler in the last delivery, `dlt-deliveries`
 * the deliveries; times are ISO 8601.
 */
export const writeEnvelope = (facts: DeadLetterFacts): Headers => ({
  'kafka_dlt-original-topic': facts.topic,
  ...(facts.position === undefined
    ? {}
    : {
        'kafka_dlt-original-partition': String(facts.position.partition),
        'kafka_dlt-original-offset': String(facts.position.offset),
      }),
  'kafka_dlt-original-timestamp': String(facts.time.getTime()),
  ...(facts.group === undefined ? {} : { 'kafka_dlt-original-consumer-group': facts.group }),
  'kafka_dlt-exception-fqcn': facts.error,
  'kafka_dlt-exception-message': facts.message,
  'kafka_dlt-exception-stacktrace': facts.stack,
  'dlt-envelope-version': String(deadLetterEnvelopeVersion),
  'dlt-reason': facts.reason,
  'dlt-handler': facts.handler,
  'dlt-attempts': String(facts.attempts),
  'dlt-deliveries': String(facts.deliveries),
  'dlt-first-failure-time': isoText(facts.firstFailureMs),
  'dlt-last-failure-time': isoText(facts.lastFailureMs),
})

/** Now where it is no time: the clock may be another program's. */
const isoText = (ms: number): string => receivedTime(ms).receivedAt.toISOString()

/** Reads from the headers how the message came to be a dead letter; undefined if they say nothing of it. Never throws. */
export const readEnvelope = (received: Headers): DeadLetterEnvelope | undefined => {
  const headers = lowerCase(received)
  const dialect = dialects.find(({ marks }) => marks.some((name) => headers[name] !== undefined))
  if (dialect === undefined) return undefined
  return {
    writer: dialect.writer,
    ...dialect.read(headers),
    traceparent: headers['traceparent'],
    redrives: redrivesOf(headers),
  }
}

/** How often the message was published again from dead letters. */
export const redrivesOf = (headers: Headers): number => integer(headers[redrivesHeader]) ?? 0

/**
 * The headers without those of the envelope: the message's own, with the marks of redrives and edits. Of our letter the others' headers
 * are the message's own too, save for RabbitMQ's, which it may have put on the letter.
 */
export const withoutEnvelope = (headers: Headers): Headers => {
  const all = lowerCase(headers)
  const envelopes = marksOfOurs.some((name) => all[name] !== undefined) ? onOurLetters : dialects
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !isOfEnvelope(name.toLowerCase(), envelopes)))
}

/**
 * The headers of a message as its dead letter carries them beside the envelope: those that would pass for a part of it, or for renamed
 * headers, get the prefix `dlt-raw-`. `originalHeaders` is the inverse. A message that has a whole envelope is a letter that somebody copied
 * back: it gets a new one.
 */
export const besideEnvelope = (headers: Headers): Headers => {
  if (wholeEnvelope.every((name) => headers[name] !== undefined)) return headers
  const beside: Record<string, string> = {}
  for (const name in headers) {
    const isMistakable = isOfEnvelope(name, ours) || standsForOther(headers, name)
    const renamed = rawHeaderPrefix + name
    if (!isMistakable) put(beside, name, headers[name] ?? '')
    // Else the bytes of the value, which are there already, say more.
    else if (!Object.hasOwn(headers, renamed)) beside[renamed] = headers[name] ?? ''
  }
  return beside
}

/**
 * The headers of the message that a dead letter is of: without the envelope, and by their own names again where they were renamed, save for
 * those that a CloudEvent cannot have.
 */
export const originalHeaders = (headers: Headers): Headers => restoredHeaders(withoutEnvelope(headers), isTaken)

const isTaken = (name: string, value: string): boolean =>
  /^(?:source|type|content-type)$/.test(name) ? !canBeHeader(name, value) : /^(?:ce[-_]|cloudevents[:_])/.test(name)

/** The headers that our tools put on a message for good. */
const staying = [rawHeaderPrefix, redrivesHeader, editedHeader, droppedHeadersHeader]

const ours = dialects.filter(({ writer }) => writer === 'armature')
const wholeEnvelope = ['dlt-envelope-version', 'dlt-handler', 'dlt-reason', 'kafka_dlt-original-topic']
const marksOfOurs = ours.flatMap(({ marks }) => marks)
const onOurLetters = dialects.filter(({ writer }) => writer === 'armature' || writer === 'rabbitmq')

const isOfEnvelope = (name: string, envelopes: readonly Dialect[]): boolean =>
  !staying.some((one) => name.startsWith(one)) &&
  envelopes.some(({ owns }) =>
    owns.some((one) => (one.endsWith('*') ? name.startsWith(one.slice(0, -1)) : name === one)),
  )

const lowerCase = (headers: Headers): Headers =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
