import type { Writable } from 'node:stream'
import { within } from '@armature/async/within'

/** The destination of log lines. `write` never throws and never waits. */
export interface LineOutput {
  write(line: string): void
  /** Resolves when what was written so far is with the reader, at the latest after a second. */
  readonly flush: () => Promise<void>
}

export interface LineOutputOptions {
  /** Called for each line that was discarded. */
  onDiscard: () => void
  /** The bound of output that waits for a slow reader. Default 16 MiB. */
  maxWaitingBytes?: number
}

const defaultMaxWaitingBytes = 16 * 1024 * 1024
const flushDeadlineMs = 1_000

/**
 * Lines to a stream, by default this process's standard output: `process.stdout` writes to a pipe in the background, and keeps
 * the lines of several loggers whole. A line is discarded when too much waits already or the reader has gone.
 *
 * Not pino's own `destination`: with a reader gone it tries for ever to write at exit (sonic-boom 4.2.1, flushSync), and with a
 * reader that does not read a thread waits in `write`, for which the exit waits in turn.
 */
export const lineOutput = (
  stream: Writable,
  { onDiscard, maxWaitingBytes = defaultMaxWaitingBytes }: LineOutputOptions,
): LineOutput => {
  if (!stream.listeners('error').includes(ignore)) stream.on('error', ignore)
  const written = (error: Error | null | undefined) => {
    if (error !== null && error !== undefined) onDiscard()
  }
  return {
    write: (line) => {
      if (stream.destroyed || stream.writableEnded || stream.writableLength > maxWaitingBytes) onDiscard()
      else stream.write(line, written)
    },
    flush: async () => {
      if (stream.destroyed || stream.writableEnded) return
      await within(flushDeadlineMs, new Promise<void>((resolve) => stream.write('', () => resolve())))
    },
  }
}

/** Errors are told to the callback of the write they belong to; without a listener they would end the process. */
const ignore = (): void => undefined
