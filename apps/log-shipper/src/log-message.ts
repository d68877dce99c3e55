import { type Message, message } from '@armature/messaging/message'
import type { MessageRun } from '@armature/messaging/message-run'
import type { TextRecord } from '@armature/messaging/text-record'
import { lineContentTypes } from './events.ts'
import { isJsonObject } from './json-object.ts'
import { recordKindHeader } from './exit-record.ts'
import { levelFinder, levels } from './level.ts'
import { type KeySplit, splitKeys } from './line-keys.ts'
import type { LineFault } from './lines.ts'
import { type Origin, type Origins, pickOrigins, streams } from './origin.ts'
import { type Batch, lineAt } from './spool-reader.ts'

export interface MessageOptions {
  readonly topic: string
  /** The CloudEvents `source`: where the lines come from. */
  readonly source: string
  /** Lines with one key keep their order. Those of a file have a key of their own. */
  readonly key: string
  /** Headers that each message has beside the shipper's own. */
  readonly headers?: TextRecord
  /** Lines begin with the key; undefined: all have `key`. */
  readonly split?: KeySplit | undefined
}

/** The reason in the dead letter of a line that is at fault. */
export const faultText: Readonly<Record<LineFault, string>> = {
  'too-long': 'the line is longer than maxLineBytes and was cut off',
  'not-utf8': 'the line is not valid UTF-8',
}

const [textKind, jsonKind] = [0, 1]

/**
 * The lines of a batch as messages, their bytes unchanged, but for those at fault: a run for each file, and one for lines of none. A line that is
 * a JSON object (`isJsonObject`) is `application/json`, another one `text/plain`. With `split` the body is what follows the delimiter of the key.
 */
export const linesRuns = (batch: Batch, options: MessageOptions): readonly MessageRun[] => {
  const { origins } = batch
  if (origins === undefined) return [linesRun(batch, options)]
  return [...indexesByOrigin(batch, origins)].map(([number, indexes]) => {
    const origin = origins.list[number - 1]
    // The record of an exit has no key before its JSON.
    const isRecord = origin?.headers[recordKindHeader] !== undefined
    const run = linesRun(pickLines(batch, indexes), isRecord ? { ...options, split: undefined } : options)
    return origin === undefined ? run : fileRun(run, origin, pickOrigins(origins, indexes))
  })
}

/** The lines of each origin that are not at fault, by the number of the origin. */
const indexesByOrigin = ({ count, flaws }: Batch, { of }: Origins): ReadonlyMap<number, Uint32Array> => {
  const indexes = new Map<number, number[]>()
  for (let index = 0; index < count; index++) {
    if (flaws.has(index)) continue
    const number = of[index] ?? 0
    const mine = indexes.get(number)
    if (mine === undefined) indexes.set(number, [index])
    else mine.push(index)
  }
  return new Map([...indexes].map(([number, mine]) => [number, Uint32Array.from(mine)]))
}

const pickLines = (batch: Batch, indexes: Uint32Array): Batch => ({
  ...batch,
  count: indexes.length,
  starts: indexes.map((index) => batch.starts[index] ?? 0),
  ends: indexes.map((index) => batch.ends[index] ?? 0),
  sequences: Float64Array.from(indexes, (index) => batch.sequences[index] ?? 0),
  timesMs: Float64Array.from(indexes, (index) => batch.timesMs[index] ?? 0),
  flaws: new Map(),
})

/** The run with what its file says. */
const fileRun = (run: MessageRun, origin: Origin, { offsets, streamOf }: Origins): MessageRun => ({
  ...run,
  key: origin.key,
  idPrefix: `${origin.id}-`,
  idNumbers: offsets,
  kinds: streams.flatMap((stream) => run.kinds.map((kind) => originHeaders(kind, origin, stream))),
  kindOf: run.kindOf.map((kind, index) => (streamOf[index] ?? 0) * run.kinds.length + kind),
})

const originHeaders = (headers: TextRecord, origin: Origin, stream: string | undefined): TextRecord => ({
  ...headers,
  ...origin.headers,
  ...(stream === undefined ? {} : { stream }),
})

const linesRun = (batch: Batch, { source, key, headers, split }: MessageOptions): MessageRun => {
  const lines = batch.flaws.size === 0 ? batch : withoutFlaws(batch)
  const { data, ends, sequences, timesMs, idPrefix } = lines
  const keyed = split && splitKeys(lines, split)
  const { starts } = keyed ?? lines
  const kindOf = new Uint8Array(starts.length)
  const levelAt = levelFinder(data)
  for (let index = 0; index < kindOf.length; index++) {
    const [start = 0, end = 0] = [starts[index], ends[index]]
    const isJson = isJsonObject(data, start, end)
    kindOf[index] = levelAt(start, end, isJson) * lineContentTypes.length + (isJson ? jsonKind : textKind)
  }
  return {
    ...(keyed && { keys: keyed.keys }),
    ...{ count: starts.length, key, data, starts, ends, timesMs, kindOf, idPrefix, idNumbers: sequences },
    kinds: levels.flatMap((level) =>
      lineContentTypes.map((contentType) => ({
        ...headers,
        ...{ source, 'content-type': contentType },
        ...(level === undefined ? {} : { level }),
      })),
    ),
  }
}

const withoutFlaws = (batch: Batch): Batch => {
  const isWhole = (_: number, index: number) => !batch.flaws.has(index)
  return {
    ...batch,
    starts: batch.starts.filter(isWhole),
    ends: batch.ends.filter(isWhole),
    sequences: batch.sequences.filter(isWhole),
    timesMs: batch.timesMs.filter(isWhole),
  }
}

/**
 * The line at that index, which is at fault, as a message: `application/octet-stream`, of a line that was cut off with the header `cut-bytes`,
 * which says how many bytes are missing.
 */
export const flawedMessage = (batch: Batch, index: number, options: MessageOptions): Message => {
  const { id, bytes, timeMs, cutBytes, origin, stream } = lineAt(batch, index)
  const { topic, source, key } = options
  const headers = { ...options.headers, source, 'content-type': 'application/octet-stream' }
  return message(topic, bytes, {
    id,
    key: origin?.key ?? key,
    time: new Date(timeMs),
    headers: {
      ...(origin === undefined ? headers : originHeaders(headers, origin, stream)),
      ...(cutBytes > 0 ? { 'cut-bytes': String(cutBytes) } : {}),
    },
  })
}
