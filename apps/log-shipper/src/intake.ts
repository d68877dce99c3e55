import type { Writable } from 'node:stream'
import type { Clock } from '@armature/async/clock'
import type { Ledger } from '@armature/telemetry/ledger'
import type { ChunkReader } from './chunks.ts'
import { type Lines, lineSplitter } from './lines.ts'
import type { EventJoiner } from './multiline.ts'
import type { NewLines } from './record.ts'
import type { LineRedactor } from './redact.ts'
import type { Spool } from './spool.ts'

export interface IntakeOptions {
  readonly chunks: ChunkReader
  readonly spool: Pick<Spool, 'append'>
  readonly maxLineBytes: number
  /** Takes secrets out of lines before they are spooled. */
  readonly redact?: LineRedactor | undefined
  /** Joins lines to events, which wait for more lines for so long. */
  readonly events?: { readonly joiner: EventJoiner; readonly waitMs: number } | undefined
  /** The line after the last one of the input. */
  readonly last?: (() => Promise<NewLines>) | undefined
  /** Gets every byte that is read, before it is spooled. */
  readonly echo?: Writable | undefined
  readonly clock: Clock
  readonly ledger: Ledger
  /** Called with the number of lines that were read. */
  readonly onLines: (count: number) => void
}

export interface Intake {
  /** Resolves when the input has ended, or was stopped, and the spool holds all lines of it. Rejects when either fails. */
  readonly done: Promise<void>
  /** Reads what the input holds by now, and nothing more. A line that is not complete counts as one. */
  stop(): void
  /** From now on the reader of the echo is not waited for: what it is behind by more than 16 MiB is not echoed. */
  hurry(): void
}

const maxEchoBytes = 16 * 1024 * 1024

/** Takes the lines of an input into the spool; while the spool is full, nothing is read. */
export const startIntake = (options: IntakeOptions): Intake => {
  const { chunks, spool, maxLineBytes, redact, events, last, echo, clock, ledger, onLines } = options
  const splitter = lineSplitter(maxLineBytes)
  const hurried = Promise.withResolvers<void>()
  let isHurried = false

  /** Waits while the reader of the echo is slow. A reader that went away gets nothing more. */
  const write = async (to: Writable, bytes: Buffer): Promise<void> => {
    if (to.destroyed || to.writableEnded || to.errored !== null || to.writableLength > maxEchoBytes) return
    if (!to.write(bytes) && !isHurried) await Promise.race([drained(to), hurried.promise])
  }

  const hold = async (lines: Lines | NewLines) => {
    if (lines.count === 0) return
    ledger.received(lines.count)
    onLines(lines.count)
    const timed = 'timeMs' in lines ? lines : { ...lines, timeMs: clock.now() }
    await spool.append(redact === undefined ? timed : redact(timed))
  }

  /** The next chunk; an event that has waited for long enough meanwhile is complete. */
  const next = async () => {
    const coming = chunks.next()
    const sinceMs = events?.joiner.waitsSinceMs
    if (events === undefined || sinceMs === undefined) return coming
    const late = Promise.withResolvers<'late'>()
    const cancel = clock.after(Math.max(0, sinceMs + events.waitMs - clock.now()), () => late.resolve('late'))
    const first = await Promise.race([coming, late.promise])
    cancel()
    if (first === 'late') await hold(events.joiner.flush())
    return coming
  }

  const joined = (lines: Lines): Lines => (events === undefined ? lines : events.joiner.push(lines, clock.now()))

  const run = async () => {
    for (let chunk = await next(); chunk !== undefined; chunk = await next()) {
      if (echo !== undefined) await write(echo, chunk.bytes)
      await hold(chunk.lines ?? joined(splitter.push(chunk.bytes)))
      chunk.held?.()
    }
    await hold(joined(splitter.end()))
    if (events !== undefined) await hold(events.joiner.flush())
    if (last !== undefined) await hold(await last())
    if (chunks.failure !== undefined) throw chunks.failure
  }

  return {
    done: run(),
    stop: () => chunks.stop(),
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
