import { randomUUID } from 'node:crypto'
import type { Readable } from 'node:stream'
import type { ExitRecord } from './events.ts'
import { lineSplitter } from './lines.ts'
import { encodeOrigin } from './origin.ts'
import type { NewLines } from './record.ts'

/** How a child ended. */
export type ChildExit = Readonly<Omit<ExitRecord, 'type'>>

/** The header that tells the record of an exit from lines. */
export const recordKindHeader = 'record-kind'

const maxTailBytes = 8 * 1024
const maxTailLines = 20

/** Keeps the end of a stream: at most 20 lines, at most 8 KiB. */
export const keepTail = (stream: Readable): (() => string[]) => {
  let tail = Buffer.alloc(0)
  let isCut = false
  stream.on('data', (chunk: Buffer) => {
    const all = Buffer.concat([tail, chunk])
    isCut ||= all.length > maxTailBytes
    tail = all.subarray(-maxTailBytes)
  })
  return () => {
    const lines = tail.toString().split('\n')
    if (lines.at(-1) === '') lines.pop()
    // The beginning of the first line is not there.
    if (isCut && lines.length > 1) lines.shift()
    return lines.slice(-maxTailLines)
  }
}

export interface ExitLineOptions {
  readonly maxLineBytes: number
  readonly key: string
  readonly timeMs: number
}

/** The record as a line of JSON with a header of its own. Where it is too long, it has fewer lines of standard error, the last ones. */
export const exitLine = (exit: ChildExit, { maxLineBytes, key, timeMs }: ExitLineOptions): NewLines => {
  const textWith = (stderr: string[]) => {
    const record: ExitRecord = { type: 'exit', ...exit, stderr }
    return Buffer.from(`${JSON.stringify(record)}\n`)
  }
  let { stderr } = exit
  while (stderr.length > 0 && textWith(stderr).length > maxLineBytes + 1) stderr = stderr.slice(1)
  const origin = encodeOrigin({ id: randomUUID(), key, headers: { [recordKindHeader]: 'exit' } })
  return {
    ...lineSplitter(maxLineBytes).push(textWith(stderr)),
    timeMs,
    origins: { origin, offsets: Float64Array.of(0), streamOf: Uint8Array.of(0) },
  }
}
