import type { LineFlaw, Lines } from './lines.ts'

/** Joins lines to events: a stack trace is one. */
export interface EventJoiner {
  /** The events that these lines complete. */
  push(lines: Lines, nowMs: number): Lines
  /** The event that waits for more lines, which is complete now. */
  flush(): Lines
  /** When the first line of the event that waits for more was read, in milliseconds since the epoch; undefined where none waits. */
  readonly waitsSinceMs: number | undefined
}

interface Event {
  readonly bytes: Buffer
  readonly flaw?: LineFlaw | undefined
}

/**
 * A line that matches begins an event; the lines behind it belong to it, with a line feed between. An event has at most `maxLineBytes`: a line that has no
 * room in it begins the next. A line at fault stands alone.
 */
export const eventJoiner = (beginning: RegExp, maxLineBytes: number): EventJoiner => {
  let parts: Buffer[] = []
  let bytes = 0
  let waitsSinceMs: number | undefined

  const take = (): Event[] => {
    if (waitsSinceMs === undefined) return []
    const [first = Buffer.alloc(0), ...others] = parts
    const joined = Buffer.concat([first, ...others.flatMap((part) => [lineFeed, part])])
    parts = []
    waitsSinceMs = undefined
    return [{ bytes: joined }]
  }

  return {
    push: (lines, nowMs) => {
      const events: Event[] = []
      for (let index = 0; index < lines.count; index++) {
        // A copy: the memory of the lines is used again.
        const line = Buffer.from(lines.data.subarray(lines.starts[index], lines.ends[index]))
        const flaw = lines.flaws.get(index)
        if (flaw !== undefined) {
          events.push(...take(), { bytes: line, flaw })
        } else if (
          waitsSinceMs === undefined ||
          bytes + 1 + line.length > maxLineBytes ||
          beginning.test(line.toString())
        ) {
          events.push(...take())
          parts = [line]
          bytes = line.length
          waitsSinceMs = nowMs
        } else {
          parts.push(line)
          bytes += 1 + line.length
        }
      }
      return linesOf(events)
    },
    flush: () => linesOf(take()),
    get waitsSinceMs() {
      return waitsSinceMs
    },
  }
}

const lineFeed = Buffer.from('\n')

const linesOf = (events: readonly Event[]): Lines => {
  const ends = new Uint32Array(events.length)
  const flaws = new Map<number, LineFlaw>()
  let end = 0
  for (const [index, { bytes, flaw }] of events.entries()) {
    ends[index] = end += bytes.length
    if (flaw !== undefined) flaws.set(index, flaw)
  }
  const starts = ends.map((each, index) => each - (events[index]?.bytes.length ?? 0))
  return { count: events.length, data: Buffer.concat(events.map(({ bytes }) => bytes)), starts, ends, flaws }
}
