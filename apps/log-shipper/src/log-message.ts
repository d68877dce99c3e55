import { type Message, message } from '@armature/messaging/message'
import type { MessageRun } from '@armature/messaging/message-run'
import { isJsonObject } from './json-object.ts'
import type { LineFault } from './lines.ts'
import { type Batch, lineAt } from './spool-reader.ts'

export interface MessageOptions {
  readonly topic: string
  /** The CloudEvents `source`: where the lines come from. */
  readonly source: string
  /** Lines with one key keep their order. */
  readonly key: string
}

/** The reason in the dead letter of a line that is at fault. */
export const faultText: Readonly<Record<LineFault, string>> = {
  'too-long': 'the line is longer than maxLineBytes and was cut off',
  'not-utf8': 'the line is not valid UTF-8',
}

const contentTypes = ['text/plain; charset=utf-8', 'application/json'] as const
const [textKind, jsonKind] = [0, 1]

/**
 * The lines of a batch as messages, their bytes unchanged, but for those at fault. A line that is a JSON object (`isJsonObject`) is
 * `application/json`, another one `text/plain`.
 */
export const linesRun = (batch: Batch, { source, key }: MessageOptions): MessageRun => {
  const { data, starts, ends, sequences, timesMs, idPrefix } = batch.flaws.size === 0 ? batch : withoutFlaws(batch)
  const kindOf = new Uint8Array(starts.length)
  for (let index = 0; index < kindOf.length; index++) {
    kindOf[index] = isJsonObject(data, starts[index], ends[index]) ? jsonKind : textKind
  }
  return {
    ...{ count: starts.length, key, data, starts, ends, timesMs, kindOf, idPrefix, idNumbers: sequences },
    kinds: contentTypes.map((contentType) => ({ source, 'content-type': contentType })),
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
export const flawedMessage = (batch: Batch, index: number, { topic, source, key }: MessageOptions): Message => {
  const { id, bytes, timeMs, cutBytes } = lineAt(batch, index)
  return message(topic, bytes, {
    id,
    key,
    time: new Date(timeMs),
    headers: {
      source,
      'content-type': 'application/octet-stream',
      ...(cutBytes > 0 ? { 'cut-bytes': String(cutBytes) } : {}),
    },
  })
}
