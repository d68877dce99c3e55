import { cutBodyHeader, droppedHeadersHeader } from './dead-letter-envelope.ts'
import type { PublishFault } from './errors.ts'
import type { Message } from './message.ts'
import { carriedHeaders } from './raw-headers.ts'
import type { TextRecord } from './text-record.ts'

const shortMessageChars = 100
const longHeaderChars = 256
const mostNamedChars = 1_000
/** Headers that tell what the message is: the last to go. */
const telling: ReadonlySet<string> = new Set(['source', 'type', 'content-type', 'traceparent'])
/** Cut from a body first: more than the shortest envelope takes. */
const firstCutBytes = 16 * 1024
const leastBodyBytes = 1024

/**
 * A dead letter in one form after another, for as long as the broker refuses them. `next` is told how it refused the last one. As
 * `bad-message`: the headers of the message get names that every broker carries, once. As `too-large`: the letter is without the stack and
 * with a shorter error message, then without the long headers of the message, then with only those that tell what it is, then with the
 * beginning of the body, shorter each time. The headers `dlt-dropped-headers` and `dlt-cut-body-bytes` say so. The last form, which has no
 * body and none of the message's headers, is returned.
 */
export function* letterForms(
  message: Message,
  why: TextRecord,
  isUndecodable: boolean,
): Generator<Message, Message, PublishFault | undefined> {
  let isCarried = isUndecodable
  const shorter = shortened(why)
  const formOf = (headers: TextRecord, envelope: TextRecord, body = message.body): Message => ({
    ...message,
    headers: { ...(isCarried ? carriedHeaders(headers) : headers), ...envelope },
    body,
  })
  /** The same with other names, where names are at fault. */
  function* offered(make: () => Message): Generator<Message, void, PublishFault | undefined> {
    const fault = yield make()
    if (fault !== 'bad-message' || isCarried) return
    isCarried = true
    yield make()
  }

  yield* offered(() => formOf(message.headers, why))
  yield* offered(() => formOf(message.headers, shorter))
  let kept: TextRecord = message.headers
  for (const stays of [isShort, isTelling]) {
    kept = Object.fromEntries(Object.entries(message.headers).filter(stays))
    yield* offered(() => formOf(kept, { ...shorter, ...dropped(message.headers, kept) }))
  }
  const { byteLength } = message.body
  for (const bytes of cuts(byteLength)) {
    const cut = { [cutBodyHeader]: String(byteLength) }
    const body = message.body.subarray(0, bytes)
    yield* offered(() => formOf(kept, { ...shorter, ...dropped(message.headers, kept), ...cut }, body))
  }
  const cut = byteLength === 0 ? {} : { [cutBodyHeader]: String(byteLength) }
  return formOf({}, { ...shorter, ...dropped(message.headers, {}), ...cut }, message.body.subarray(0, 0))
}

const shortened = (why: TextRecord): TextRecord => ({
  ...why,
  'kafka_dlt-exception-message': (why['kafka_dlt-exception-message'] ?? '').slice(0, shortMessageChars).toWellFormed(),
  'kafka_dlt-exception-stacktrace': '',
})

const isShort = ([name, value]: readonly [string, string]): boolean => name.length + value.length <= longHeaderChars
const isTelling = (header: readonly [string, string]): boolean => telling.has(header[0]) && isShort(header)

const dropped = (all: TextRecord, kept: TextRecord): TextRecord => {
  const names = Object.keys(all).filter((name) => !Object.hasOwn(kept, name))
  if (names.length === 0) return {}
  return { [droppedHeadersHeader]: names.join(' ').slice(0, mostNamedChars).toWellFormed() }
}

/** How much of a body is kept, less each time. */
function* cuts(byteLength: number): Generator<number> {
  if (byteLength > firstCutBytes) yield byteLength - firstCutBytes
  for (let bytes = Math.floor(byteLength / 2); bytes >= leastBodyBytes; bytes = Math.floor(bytes / 2)) yield bytes
}
