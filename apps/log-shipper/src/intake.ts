import type { Readable, Writable } from 'node:stream'
import type { Clock } from '@armature/async/clock'
import type { Ledger } from '@armature/telemetry/ledger'
import { type Line, lineSplitter } from './lines.ts'
import type { Spool } from './spool.ts'

export interface IntakeOptions {
  readonly stream: Readable
  readonly spool: Pick<Spool, 'append'>
  readonly maxLineBytes: number
  /** Gets every byte that is read, before it is spooled. */
  readonly echo?: Writable | undefined
  readonly clock: Clock
  readonly ledger: Ledger
  /** Called with the number of lines that were read. */
  readonly onLines: (count: number) => void
}

export interface Intake {
  /** Resolves when the stream has ended, or was stopped, and the spool holds all lines of it. Rejects when either fails. */
  readonly done: Promise<void>
  /** Reads what the stream holds by now, and nothing more. A line that is not complete counts as one. */
  stop(): void
  /** From now on the reader of the echo is not waited for: what it is behind by more than 16 MiB is not echoed. */
  hurry(): void
}

const maxEchoBytes = 16 * 1024 * 1024

/** Reads lines from a stream into the spool; while the spool is full, nothing is read. */
export const startIntake = (options: IntakeOptions): Intake => {
  const { stream, spool, maxLineBytes, echo, clock, ledger, onLines } = options
  const splitter = lineSplitter(maxLineBytes)
  const hurried = Promise.withResolvers<void>()
  let isHurried = false
  let isStopped = false
  let isOver = stream.readableEnded || stream.destroyed
  let failure: Error | undefined
  let change = Promise.withResolvers<void>()
  const wake = () => {
    change.resolve()
    change = Promise.withResolvers()
  }
  const onOver = () => {
    isOver = true
    wake()
  }
  const onError = (error: Error) => {
    failure = error
    onOver()
  }
  stream.on('readable', wake).on('end', onOver).on('close', onOver).on('error', onError)

  const next = async (): Promise<Buffer | undefined> => {
    for (;;) {
      // Looked at first: what is read below is then the last that was held.
      const isLast = isStopped || isOver
      const chunk = stream.read() as Buffer | string | null
      if (chunk !== null) return typeof chunk === 'string' ? Buffer.from(chunk) : chunk
      if (isLast) return undefined
      await change.promise
    }
  }

  /** Waits while the reader of the echo is slow. A reader that went away gets nothing more. */
  const write = async (to: Writable, chunk: Buffer): Promise<void> => {
    if (to.destroyed || to.writableEnded || to.errored !== null || to.writableLength > maxEchoBytes) return
    if (!to.write(chunk) && !isHurried) await Promise.race([drained(to), hurried.promise])
  }

  const hold = async (lines: readonly Line[]) => {
    if (lines.length === 0) return
    const timeMs = clock.now()
    ledger.received(lines.length)
    onLines(lines.length)
    await spool.append(lines.map((line) => ({ ...line, timeMs })))
  }

  const run = async () => {
    try {
      for (;;) {
        const wasStopped = isStopped
        const chunk = await next()
        if (chunk === undefined) break
        if (echo !== undefined) await write(echo, chunk)
        await hold(splitter.push(chunk))
        if (wasStopped) break
      }
      await hold(splitter.end())
      if (failure !== undefined) throw failure
    } finally {
      stream.off('readable', wake).off('end', onOver).off('close', onOver)
    }
  }

  return {
    done: run(),
    stop: () => {
      isStopped = true
      wake()
    },
    hurry: () => {
      isHurried = true
      hurried.resolve()
    },
  }
}

/** Resolves when the stream takes more, or never will. */
const drained = (stream: Writable): Promise<void> =>
  new Promise((resolve) => {
    const done = () => {
      stream.off('drain', done).off('close', done).off('error', done)
      resolve()
    }
    stream.on('drain', done).on('close', done).on('error', done)
  })
