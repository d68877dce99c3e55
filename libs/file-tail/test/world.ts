import { appendFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { drivenClock } from '@armature/async/clock'
import { expect, onTestFinished } from 'vitest'
import { type FileLines, type FileTailOptions, openFileTail } from '../src/file-tail.ts'

export type Options = Partial<Omit<FileTailOptions, 'clock' | 'warn' | 'checkpointPath'>>

export interface Line {
  readonly text: string
  /** The file's id and where in it the line begins. */
  readonly id: string
  readonly path: string
}

/** A folder of logs with one reader after the other, on a driven clock. Removed with the test. */
export const openWorld = async (defaults: Options = {}) => {
  const folder = await mkdtemp(join(tmpdir(), 'file-tail-'))
  const clock = drivenClock(Date.UTC(2026, 0, 1))
  const warnings: string[] = []
  const lines: Line[] = []
  let marks = 0
  const inLogs = (name: string) => join(folder, 'logs', name)
  await mkdir(inLogs(''))

  /** Starts a reader that takes all lines as they come and commits them, unless it is told not to. */
  const start = async (options: Options & { readonly commits?: boolean; readonly takes?: boolean } = {}) => {
    const { commits = true, takes = true, ...given } = options
    const tail = await openFileTail({
      globs: [inLogs('*.log')],
      maxLineBytes: 1_000,
      durable: false,
      ...defaults,
      ...given,
      checkpointPath: join(folder, 'files.json'),
      clock,
      warn: (problem) => void warnings.push(problem),
    })
    const all: FileLines[] = []
    const takeNext = async () => (takes ? tail.next() : undefined)
    const run = (async () => {
      for (let next = await takeNext(); next !== undefined; next = await takeNext()) {
        all.push(next)
        lines.push(...split(next))
        if (commits) next.commit()
      }
    })()
    const close = async () => {
      tail.stop()
      await run
      await tail.close()
    }
    onTestFinished(close)
    return { tail, given: all, ended: run, close }
  }
  onTestFinished(() => rm(folder, { recursive: true, force: true }))

  return {
    folder,
    clock,
    warnings,
    lines,
    logs: inLogs,
    start,
    texts: () => lines.map(({ text }) => text),
    write: async (name: string, text: string | Uint8Array) => {
      await mkdir(dirname(inLogs(name)), { recursive: true })
      await appendFile(inLogs(name), text)
    },
    /** In place: the file stays the same one. */
    rewrite: (name: string, text: string) => writeFile(inLogs(name), text),
    /** Drives the clock until these lines have come, and no others. */
    expect: async (texts: readonly string[]) => {
      await until(clock, () => expect(lines.map(({ text }) => text)).toEqual(texts))
    },
    until: (condition: () => void) => until(clock, condition),
    /** Drives the clock until a line that is written now, to another file, has come: what was there before has come, too. */
    passed: async () => {
      const mark = `passed ${++marks}`
      await writeFile(inLogs(`passed-${marks}.log`), `${mark}\n`)
      await until(clock, () => expect(lines.at(-1)?.text).toBe(mark))
      lines.pop()
    },
  }
}

export type World = Awaited<ReturnType<typeof openWorld>>

const until = (clock: { advance(ms: number): Promise<void> }, condition: () => void): Promise<void> =>
  expect
    .poll(
      async () => {
        await clock.advance(100)
        try {
          condition()
          return ''
        } catch (error) {
          return String(error)
        }
      },
      { timeout: 10_000, interval: 5 },
    )
    .toBe('')

const split = ({ file, from, bytes, cutBytes }: FileLines): readonly Line[] => {
  if (cutBytes > 0) return [{ text: `${bytes.toString()} +${cutBytes}`, id: `${file.id}:${from}`, path: file.path }]
  const texts = bytes.toString().split('\n')
  if (texts.at(-1) === '') texts.pop()
  let at = from
  return texts.map((text) => {
    const line = { text, id: `${file.id}:${at}`, path: file.path }
    at += Buffer.byteLength(text) + 1
    return line
  })
}

/** Lines as a program writes them. */
export const numbered = (first: number, last: number, word = 'line'): string[] =>
  Array.from({ length: last - first + 1 }, (_, index) => `${word} ${first + index}`)

/** As a file has them. */
export const joined = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('')
