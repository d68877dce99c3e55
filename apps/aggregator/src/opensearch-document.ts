import { createHash } from 'node:crypto'
import { contentsDigest, identityOf } from '@armature/messaging/identity'
import { bodyTextOf } from './body-text.ts'
import type { OpensearchTarget } from './opensearch-target.ts'
import type { SinkItem, SinkOutcome } from './sink.ts'

/** The parts that make the id of a document. */
export const documentIds = ['id', 'source-and-id', 'key'] as const
export type DocumentId = (typeof documentIds)[number]

/** `create` keeps what is stored under an id, `index` replaces it. */
export const operations = ['create', 'index'] as const
export type Operation = (typeof operations)[number]

export interface DocumentOptions {
  readonly target: Pick<OpensearchTarget, 'indexOf'>
  readonly operation: Operation
  readonly documentId: DocumentId
  /** The header that holds the version of the document, a whole number. Of two versions the greater one is kept. */
  readonly versionHeader: string | undefined
}

/** One document on its way, as `_bulk` takes it. */
export interface BulkDocument {
  readonly id: string
  readonly source: string
  readonly digest: string
  /** The line of the action and the line of the document, each with its line feed. */
  readonly lines: string
}

type Rejected = Extract<SinkOutcome, { rejected: string }>

/** The source of messages that name none: `memory:` delivers them as they were published. */
const unknownSource = ''

/** The document of the item in the index, or the reason why there can be none. `receivedAt` is in ISO 8601. */
export const bulkDocument = (item: SinkItem, options: DocumentOptions, receivedAt: string): BulkDocument | Rejected => {
  const { message } = item
  const content = bodyTextOf(message)
  if ('rejected' in content) return content
  const index = options.target.indexOf(item)
  if (typeof index !== 'string') return { rejected: 'no-index', problem: index.problem }
  if (Number.isNaN(message.time.getTime())) return { rejected: 'no-document', problem: 'its time is invalid' }
  const id = documentIdOf(item, options.documentId)
  if (id === undefined)
    return { rejected: 'no-key', problem: 'the message has no key, which is the id of its document' }
  const version = versionOf(item, options.versionHeader)
  if (version === null) return { rejected: 'no-version', problem: `its header ${options.versionHeader} is no version` }
  const source = message.headers['source'] ?? unknownSource
  const digest = contentsDigest(message)
  const external = version === undefined ? '' : `,"version":${version},"version_type":"external"`
  const action = `{"${options.operation}":{"_index":${JSON.stringify(index)},"_id":${JSON.stringify(id)}${external}}}`
  const fields = fieldsOf(item, source, receivedAt, digest)
  const json = content.json?.trim()
  const isObject = json?.startsWith('{') === true
  const body = isObject ? `,"body":${onOneLine(json)}` : textField(message.tombstone, content.text)
  // Joined, the parts are one string; as a template they would stay a tree of six.
  return { id, source, digest, lines: [action, '\n', fields, body, '}\n'].join('') }
}

/** The fields of the document but its body, as JSON without the closing brace. In one template it takes half the time of an object. */
const fieldsOf = (
  { message, correlationKey }: SinkItem,
  source: string,
  receivedAt: string,
  digest: string,
): string => {
  const { id, topic, key, time } = message
  const keyField = key === undefined ? '' : `,"key":${JSON.stringify(key)}`
  const names = `"id":${JSON.stringify(id)},"source":${JSON.stringify(source)},"topic":${JSON.stringify(topic)}${keyField}`
  return `{"@timestamp":"${isoTime(time)}",${names},"correlation_key":${JSON.stringify(correlationKey)},"received_at":"${receivedAt}","digest":"${digest}"`
}

/** The text of the time that was asked for last: messages of one second or millisecond come one after the other. */
let lastTime: { readonly ms: number; readonly text: string } = { ms: 0, text: new Date(0).toISOString() }

const isoTime = (time: Date): string => {
  const ms = time.getTime()
  if (ms !== lastTime.ms) lastTime = { ms, text: time.toISOString() }
  return lastTime.text
}

const textField = (tombstone: true | undefined, text: string) =>
  tombstone === true ? '' : `,"text":${JSON.stringify(text)}`

/** A line feed ends a document in `_bulk`. JSON has one between its tokens only, where a blank is the same. */
const onOneLine = (json: string): string =>
  json.includes('\n') || json.includes('\r') ? json.replaceAll(/[\n\r]/g, ' ') : json

/** OpenSearch takes no longer id. */
const maxIdBytes = 512

const documentIdOf = ({ message }: SinkItem, kind: DocumentId): string | undefined => {
  const id = kind === 'id' ? message.id : kind === 'key' ? message.key : identityOf(message, unknownSource)
  if (id === undefined || id === '') return undefined
  return Buffer.byteLength(id) <= maxIdBytes ? id : `sha256:${createHash('sha256').update(id).digest('hex')}`
}

/** Undefined where documents have none, null where this one's is missing or no version. */
const versionOf = ({ message }: SinkItem, header: string | undefined): number | null | undefined => {
  if (header === undefined) return undefined
  const name = header.toLowerCase()
  const text = Object.hasOwn(message.headers, name) ? (message.headers[name] ?? '') : ''
  const version = /^\d{1,16}$/.test(text) ? Number(text) : NaN
  return Number.isSafeInteger(version) ? version : null
}
