import type { Readable } from 'node:stream'
import type { ChildExit } from './exit-record.ts'
import { type ChunkReader, streamChunks } from './chunks.ts'

/** A source of lines. */
export interface Input {
  readonly chunks: ChunkReader
  /** In words: `standard input`. */
  readonly what: string
  /** Resolves, after the chunks have ended, to what the process should exit with. */
  readonly ended: Promise<number>
  /** How it ended, where that is to be shipped as its last line; asked for when the chunks have ended. */
  readonly exit?: (() => Promise<ChildExit>) | undefined
  /** How long it may go on after it was asked to end, in milliseconds. */
  readonly graceMs: number
  /** Asks it to end; what it still writes is read. */
  stop(): void
  /** Ends it. Safe to call twice. */
  close(): Promise<void>
}

/** A stream that someone else ends: at a stop, what it holds is read, and what it gets later is left to it. */
export const streamInput = (stream: Readable): Input => ({
  chunks: streamChunks(stream),
  what: 'a stream',
  ended: Promise.resolve(0),
  graceMs: 0,
  stop: () => undefined,
  close: async () => undefined,
})

/**
 * Standard input. In a pipeline the program before it was stopped by the same Ctrl-C and still writes its last lines: they are
 * read for up to `graceMs`. From a terminal nothing more comes.
 */
export const standardInput = (stdin: Readable & { readonly isTTY?: boolean }, graceMs: number): Input => ({
  chunks: streamChunks(stdin),
  what: 'standard input',
  ended: Promise.resolve(0),
  graceMs: stdin.isTTY === true ? 0 : graceMs,
  stop: () => undefined,
  close: async () => void stdin.destroy(),
})
