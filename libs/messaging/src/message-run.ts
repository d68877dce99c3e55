import { message, type Message } from './message.ts'
import type { TextRecord } from './text-record.ts'

/**
 * Messages of one source that differ in body, id, time and the kind that their headers are of. A source of a hundred thousand a second has
 * no object for each of them: message `i` is the `i`th of each column. What a column holds does not change any more.
 */
export interface MessageRun {
  readonly count: number
  readonly key: string
  /** The keys of messages that have one each instead of `key`; undefined for one without a key. */
  readonly keys?: readonly (string | undefined)[]
  /** The headers that messages have: those of message `i` are `kinds[kindOf[i]]`. */
  readonly kinds: readonly TextRecord[]
  readonly kindOf: Uint8Array
  /** Message `i` has this and `idNumbers[i]` in decimal digits, a whole number of 0 or more, as its id. */
  readonly idPrefix: string
  readonly idNumbers: Float64Array
  /** Milliseconds since the epoch. */
  readonly timesMs: Float64Array
  /** The body of message `i` is what lies here from `starts[i]` to `ends[i]`. */
  readonly data: Buffer
  readonly starts: Uint32Array
  readonly ends: Uint32Array
}

/** The message at that index, for that topic. Its body shares the memory of the run. */
export const messageAt = (run: MessageRun, index: number, topic: string): Message =>
  message(topic, run.data.subarray(run.starts[index], run.ends[index]), {
    id: `${run.idPrefix}${run.idNumbers[index]}`,
    ...keyAt(run, index),
    time: new Date(run.timesMs[index] ?? NaN),
    headers: run.kinds[run.kindOf[index] ?? 0] ?? {},
  })

const keyAt = ({ key, keys }: MessageRun, index: number): { readonly key?: string } => {
  const own = keys === undefined ? key : keys[index]
  return own === undefined ? {} : { key: own }
}

/** Every message of the run. */
export const messagesOf = (run: MessageRun, topic: string): Message[] =>
  Array.from({ length: run.count }, (_, index) => messageAt(run, index, topic))

/** The messages from `from` to below `to`. */
export const partOfRun = (run: MessageRun, from: number, to: number): MessageRun => ({
  ...run,
  count: to - from,
  ...(run.keys === undefined ? {} : { keys: run.keys.slice(from, to) }),
  kindOf: run.kindOf.subarray(from, to),
  idNumbers: run.idNumbers.subarray(from, to),
  timesMs: run.timesMs.subarray(from, to),
  starts: run.starts.subarray(from, to),
  ends: run.ends.subarray(from, to),
})
