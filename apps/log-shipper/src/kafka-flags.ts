import { parseHostPort } from '@armature/async/host-port'
import { checkedText, integer, list, text } from '@armature/config/settings'
import type { TextRecord } from '@armature/messaging/text-record'
import { headerFault } from './header-flag.ts'
import { insteadOfProperty } from './kafka-properties.ts'

const codecs = ['none', 'gzip', 'snappy', 'zstd']

const checkBroker = (place: string) => {
  const read = parseHostPort(place, { defaultPort: 9092 })
  if ('problem' in read) throw new Error(`is no HOST or HOST:PORT: ${read.problem}`)
}

const checkCodec = (codec: string) => {
  if (codec === 'lz4')
    throw new Error('cannot be written, only read: use zstd, which is about as fast and packs better')
  if (!codecs.includes(codec)) throw new Error(`is not one of ${codecs.join(', ')}`)
}

const checkHeader = (header: string) => {
  const fault = headerFault(header)
  if (fault !== undefined) throw new Error(fault)
}

const refuseProperty = (property: string) => {
  throw new Error(insteadOfProperty(property))
}

/** The flags that people know from kcat. */
export const kafkaFlags = {
  brokers: list(checkedText(checkBroker)).default([]).meta({
    description: 'Kafka brokers, HOST or HOST:PORT, instead of MESSAGING_URL',
    short: 'b',
    env: 'KAFKA_BROKERS',
  }),
  keyDelimiter: text()
    .max(100)
    .refine((delimiter) => delimiter.isWellFormed() && !delimiter.includes('\n'), { error: 'holds a line feed' })
    .optional()
    .meta({
      description: 'Each line is KEY, this, and the body; a line without it has the key of --key, else none',
      short: 'K',
    }),
  headers: list(checkedText(checkHeader)).default([]).meta({
    description: 'Header of each message, NAME=VALUE; repeat the flag for more',
    short: 'H',
    flag: 'header',
    env: 'LOG_HEADERS',
    commas: false,
  }),
  compression: checkedText(checkCodec)
    .optional()
    .meta({
      description: 'Compression for Kafka: none, gzip, snappy or zstd (none = as MESSAGING_URL says)',
      short: 'z',
      env: 'KAFKA_COMPRESSION',
      accepts: `one of ${codecs.join(', ')}`,
    }),
  partition: integer({ min: 0, max: 2 ** 31 - 1 })
    .optional()
    .meta({
      description: 'Partition of Kafka that all lines go to (none = the key chooses it)',
      short: 'p',
      env: 'KAFKA_PARTITION',
    }),
  properties: list(checkedText(refuseProperty)).default([]).meta({
    description: 'Refused: the error names what to use instead of a property of librdkafka',
    short: 'X',
    flag: 'property',
    env: 'KAFKA_PROPERTIES',
    commas: false,
    // A value may be a password.
    secret: true,
    fileVariable: false,
  }),
}

interface KafkaFlags {
  readonly messagingUrl: string
  readonly brokers: readonly string[]
  readonly compression?: string | undefined
  readonly partition?: number | undefined
}

export interface KafkaFlagFault {
  readonly path: string[]
  readonly problem: string
}

const noBroker = 'memory:'
const urlOptions = ['compression', 'partition'] as const

/** The faults of the flags together. */
export const kafkaFlagFaults = (flags: KafkaFlags): readonly KafkaFlagFault[] => {
  const { messagingUrl, brokers } = flags
  const hasUrl = messagingUrl !== noBroker
  if (brokers.length > 0 && hasUrl) {
    const problem =
      'is given together with MESSAGING_URL (--messaging-url): both name the broker, leave one of them out'
    return [{ path: ['brokers'], problem }]
  }
  const isKafka = brokers.length > 0 || /^kafka:/i.test(messagingUrl)
  const inUrl = new URLSearchParams(hasUrl ? (/\?(.*)$/s.exec(messagingUrl)?.[1] ?? '') : '')
  return urlOptions.flatMap((name) => {
    if (flags[name] === undefined) return []
    if (!isKafka) return [{ path: [name], problem: 'is for Kafka only: name one by -b HOST, or by a kafka: URL' }]
    if (!inUrl.has(name)) return []
    return [{ path: [name], problem: `is also in MESSAGING_URL, as ${name}=...: leave one of them out` }]
  })
}

/** The URL of the broker: that of the settings, or of `brokers`, with what other flags say. */
export const brokerUrlOf = (flags: KafkaFlags): string => {
  const url = flags.brokers.length === 0 ? flags.messagingUrl : `kafka://${flags.brokers.join(',')}`
  const options = urlOptions.flatMap((name) => (flags[name] === undefined ? [] : [`${name}=${flags[name]}`]))
  if (options.length === 0) return url
  return `${url}${url.includes('?') ? '&' : '?'}${options.join('&')}`
}

/** The headers that were given, by their names; the last one of a name counts. */
export const headersOf = ({ headers }: { readonly headers: readonly string[] }): TextRecord =>
  Object.fromEntries(
    headers.map((header) => {
      const equals = header.indexOf('=')
      return [header.slice(0, equals), header.slice(equals + 1)]
    }),
  )
