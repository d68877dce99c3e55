import { message } from '@armature/messaging/message'
import type { MessageRun } from '@armature/messaging/message-run'
import type { RunContent, RunRecord } from './apis.ts'
import { checkedOverhead, nativeHeadersOf, recordBytes } from './codec.ts'
import { encodeHeader, encodeHeaders } from './headers.ts'
import { varintBytes, writeVarint } from './varint.ts'

/** A record of a run that is to be sent, and how many bytes it takes at most beside the batch around it. */
export interface SizedRunRecord extends RunRecord {
  readonly bytes: number
}

/**
 * The records of a run. What its messages have in common is encoded here once, the rest where the records are written. Throws PublishError,
 * as `recordOf` does for one of the messages.
 */
export const runRecords = (run: MessageRun, source: string, timestamp: number, topic: string): SizedRunRecord[] => {
  const key = Buffer.from(run.key)
  const content = runContent(run, key, source, topic)
  const records: SizedRunRecord[] = []
  for (let index = 0; index < run.count; index++) {
    records.push({ run: content, index, key, timestamp, bytes: recordBytes + content.bytesOf(index) })
  }
  return records
}

const idHeader = 'ce_id'
const longestNumber = '9'.repeat(String(Number.MAX_SAFE_INTEGER).length)

const runContent = (run: MessageRun, key: Buffer, source: string, topic: string): RunContent => {
  const { data, starts, ends, kindOf, idNumbers, timesMs, idPrefix } = run
  const keyPart = sized(key)
  const kinds = run.kinds.map((headers) =>
    runKind(idPrefix, (time) => {
      const sample = message(topic, '', { id: `${idPrefix}${longestNumber}`, key: run.key, time, headers })
      const native = nativeHeadersOf(sample, source, topic)
      checkedOverhead(sample, key, encodeHeaders(native), topic)
      return native
    }),
  )
  const kindAt = (index: number): RunKind => kinds[kindOf[index] ?? 0] as RunKind
  // A message that cannot be encoded is refused before anything is sent.
  for (let index = 0; index < run.count; index++) kindAt(index).afterDigits(timesMs[index] ?? NaN)

  return {
    bytesOf: (index) => {
      const kind = kindAt(index)
      const digits = digitsOf(idNumbers[index] ?? 0)
      const length = (ends[index] ?? 0) - (starts[index] ?? 0)
      const headers = kind.beforeDigits(digits).length + digits + kind.afterDigits(timesMs[index] ?? NaN).length
      return keyPart.length + varintBytes(length) + length + headers
    },
    write: (out, start, index) => {
      const kind = kindAt(index)
      const [from, to, number] = [starts[index] ?? 0, ends[index] ?? 0, idNumbers[index] ?? 0]
      const digits = digitsOf(number)
      let at = start + keyPart.copy(out, start)
      at = writeVarint(out, at, to - from)
      at += data.copy(out, at, from, to)
      at += kind.beforeDigits(digits).copy(out, at)
      writeDigits(out, at, digits, number)
      at += digits
      return at + kind.afterDigits(timesMs[index] ?? NaN).copy(out, at)
    },
  }
}

/** The headers of the messages of one kind, around the digits of the id. */
interface RunKind {
  /** All up to the digits, of which there are so many. */
  beforeDigits(digits: number): Buffer
  /** All behind them, for messages of that time. */
  afterDigits(timeMs: number): Buffer
}

const mostTimes = 100

const runKind = (idPrefix: string, headersAt: (time: Date) => Readonly<Record<string, string | Buffer>>): RunKind => {
  /** Indexed by the number of digits. */
  const before: Buffer[] = []
  /** By the time. Lines that were read together have one, and it is asked for whenever they are sized or written. */
  const afters = new Map<number, Buffer>()
  const prefix = Buffer.from(idPrefix)

  const encodeBefore = (digits: number): Buffer => {
    const headers = headersAt(new Date(0))
    const names = Object.keys(headers)
    const parts = names.slice(0, names.indexOf(idHeader)).map((name) => encodeHeader(name, headers[name] ?? ''))
    const idParts = [sized(Buffer.from(idHeader)), varint(prefix.length + digits), prefix]
    return Buffer.concat([varint(names.length), ...parts, ...idParts])
  }
  const encodeAfter = (timeMs: number): Buffer => {
    const headers = headersAt(new Date(timeMs))
    const names = Object.keys(headers)
    const parts = names.slice(names.indexOf(idHeader) + 1).map((name) => encodeHeader(name, headers[name] ?? ''))
    return Buffer.concat(parts)
  }

  return {
    beforeDigits: (digits) => (before[digits] ??= encodeBefore(digits)),
    afterDigits: (timeMs) => {
      const known = afters.get(timeMs)
      if (known !== undefined) return known
      if (afters.size >= mostTimes) afters.clear()
      const after = encodeAfter(timeMs)
      afters.set(timeMs, after)
      return after
    },
  }
}

/** With its length before it. */
const sized = (bytes: Buffer): Buffer => Buffer.concat([varint(bytes.length), bytes])

const varint = (value: number): Buffer => {
  const bytes = Buffer.alloc(varintBytes(value))
  writeVarint(bytes, 0, value)
  return bytes
}

const digitsOf = (number: number): number => {
  let digits = 1
  for (let least = 10; number >= least; least *= 10) digits += 1
  return digits
}

const zero = 0x30

const writeDigits = (out: Buffer, start: number, digits: number, number: number): void => {
  let left = number
  for (let at = start + digits - 1; at >= start; at--) {
    const tenth = Math.floor(left / 10)
    out[at] = zero + (left - tenth * 10)
    left = tenth
  }
}
