/** A line of a container's log, as the kubelet's runtimes write it. */
export interface CriEntry {
  /** In milliseconds since the epoch; the runtimes write nanoseconds. */
  readonly timeMs: number
  readonly stream: 'stdout' | 'stderr'
  /** The line was cut in parts, and this is not the last. */
  readonly isPart: boolean
  /** The start of the text. */
  readonly textStart: number
}

const space = 0x20
const times = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/
/** The longest time, such as 2026-01-02T03:04:05.123456789+01:00. */
const maxTimeBytes = 35

/**
 * The line from `start` to `end`, `TIME stdout|stderr TAGS TEXT`, of which the first tag is F for a whole line or the last part of one, P for
 * another part. Undefined where it is nothing of the kind.
 */
export const criEntry = (data: Buffer, start: number, end: number): CriEntry | undefined => {
  const timeEnd = data.indexOf(space, start)
  if (timeEnd < 0 || timeEnd >= end || timeEnd - start > maxTimeBytes) return undefined
  const time = data.toString('latin1', start, timeEnd)
  if (!times.test(time)) return undefined
  const timeMs = Date.parse(time)
  if (Number.isNaN(timeMs)) return undefined
  // `stdout` and `stderr` are of one length.
  const streamEnd = timeEnd + 1 + 'stdout'.length
  const stream = data.toString('latin1', timeEnd + 1, streamEnd)
  if ((stream !== 'stdout' && stream !== 'stderr') || data[streamEnd] !== space) return undefined
  const tagsStart = streamEnd + 1
  const found = data.indexOf(space, tagsStart)
  const tagsEnd = found < 0 || found > end ? end : found
  const [tag] = data.toString('latin1', tagsStart, Math.min(tagsEnd, tagsStart + 64)).split(':')
  if (tag !== 'F' && tag !== 'P') return undefined
  return { timeMs, stream, isPart: tag === 'P', textStart: Math.min(tagsEnd + 1, end) }
}
