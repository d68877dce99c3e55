import type { FileLines, FileTail, TailedFile } from '@armature/file-tail/file-tail'
import type { Clock } from '@armature/async/clock'
import type { Chunk, ChunkReader } from './chunks.ts'
import { containerOf } from './container-path.ts'
import { createCriReader, type OpenLine, type PlacedLines } from './cri-lines.ts'
import { type LineFormat, formatOf } from './line-format.ts'
import { type Lines, lineSplitter } from './lines.ts'
import { type EncodedOrigin, encodeOrigin } from './origin.ts'

export interface FileChunksOptions {
  readonly tail: Pick<FileTail, 'next' | 'stop'>
  readonly format: LineFormat
  readonly maxLineBytes: number
  /** The key of all lines. Default: the path of their file. */
  readonly key: string | undefined
  readonly clock: Clock
}

/** The most that a container runtime puts before a line. */
export const criHeaderBytes = 128
/** So long the next part of a line is waited for. */
const partWaitMs = 60_000
const lineFeed = 0x0a

/** The lines of files. What is held of them is committed. */
export const fileChunks = (options: FileChunksOptions): ChunkReader => {
  const { tail, format, maxLineBytes, clock } = options
  const cri = createCriReader(maxLineBytes)
  const originOf = createCache((file: TailedFile) => originOfFile(file, options.key))
  const formatOfFile = createCache((_: TailedFile, lines: FileLines) => formatOf(format, lines))
  /** The last chunk given of each file that has lines in parts. */
  const lastOf = new Map<string, FileLines>()
  let asked: Promise<FileLines | undefined> | undefined
  let isStopped = false

  /** The held part of a file ends where its first line in parts begins. */
  const commit = (lines: FileLines) => {
    const offsets = [...cri.open].filter(({ fileId }) => fileId === lines.file.id).map(({ offset }) => offset)
    const position = Math.min(lines.to, ...offsets)
    if (position >= lines.from) lines.commit(position)
    if (offsets.length === 0) lastOf.delete(lines.file.id)
  }

  const chunkOf = (file: TailedFile, placed: PlacedLines, held: () => void): Chunk => {
    const { count, data, starts, ends, flaws, timesMs, offsets, streamOf } = placed
    const origins = { origin: originOf(file), offsets, streamOf }
    return { bytes: data, lines: { count, data, starts, ends, flaws, timesMs, timeMs: clock.now(), origins }, held }
  }

  const take = (lines: FileLines): Chunk => {
    const { file, from } = lines
    const isCri = formatOfFile(file, lines) === 'cri'
    const split = splitLines(lines, isCri ? maxLineBytes + criHeaderBytes : maxLineBytes)
    const offsets = Float64Array.from(split.starts, (start) => from + start)
    if (!isCri) {
      return chunkOf(file, { ...split, offsets, streamOf: new Uint8Array(split.count) }, () => lines.commit())
    }
    // A line that began in the file before may be whole now.
    const others = [...lastOf.values()].filter(({ file: { id, path } }) => id !== file.id && path === file.path)
    const placed = cri.take({ path: file.path, fileId: file.id, lines: split, offsets, nowMs: clock.now() })
    lastOf.set(file.id, lines)
    return chunkOf(file, placed, () => {
      for (const each of [...others, lines]) commit(each)
    })
  }

  /** A line of which no more comes. */
  const giveUp = (line: OpenLine): Chunk | undefined => {
    const placed = cri.giveUp(line)
    const last = lastOf.get(line.fileId)
    return last && chunkOf(last.file, placed, () => commit(last))
  }

  /** The next lines, or nothing when those that wait for a part have waited for long enough. */
  const nextLines = async (): Promise<FileLines | 'waited' | undefined> => {
    asked ??= tail.next()
    const first = await (cri.open.length === 0 ? asked : firstOf(asked, clock))
    if (first !== 'waited') asked = undefined
    return first
  }

  return {
    next: async () => {
      for (;;) {
        const old = cri.open.find(({ changedMs }) => clock.now() - changedMs >= partWaitMs)
        const given = old && giveUp(old)
        if (given !== undefined) return given
        const lines = await nextLines()
        if (lines === undefined) {
          const [open] = isStopped ? [] : cri.open
          return open && giveUp(open)
        }
        if (lines !== 'waited') return take(lines)
      }
    },
    stop: () => {
      isStopped = true
      tail.stop()
    },
    failure: undefined,
  }
}

const firstOf = <T>(asked: Promise<T>, clock: Clock): Promise<T | 'waited'> => {
  const waited = Promise.withResolvers<'waited'>()
  const cancel = clock.after(partWaitMs, () => waited.resolve('waited'))
  return Promise.race([asked, waited.promise]).finally(cancel)
}

/** The lines by themselves. Each but the last of a file ends with a line feed. */
const splitLines = ({ bytes, cutBytes }: FileLines, maxLineBytes: number): Lines => {
  if (cutBytes > 0) {
    const kept = Math.min(bytes.length, maxLineBytes)
    const flaw = { fault: 'too-long' as const, cutBytes: cutBytes + bytes.length - kept }
    return {
      ...{ count: 1, data: bytes, starts: Uint32Array.of(0), ends: Uint32Array.of(kept) },
      flaws: new Map([[0, flaw]]),
    }
  }
  const splitter = lineSplitter(maxLineBytes)
  const lines = splitter.push(bytes)
  return bytes.at(-1) === lineFeed ? lines : splitter.end()
}

const originOfFile = ({ id, path, target }: TailedFile, key: string | undefined): EncodedOrigin => {
  const container = containerOf(path) ?? containerOf(target)
  return encodeOrigin({ id, key: printable(key ?? path), headers: { file: printable(path), ...container } })
}

/** Without what a header or a key may not hold. */
const printable = (text: string): string =>
  text.replaceAll(/[\p{Cc}\p{Cs}]/gu, (character) =>
    encodeURIComponent(character.isWellFormed() ? character : '\ufffd'),
  )

const maxCached = 10_000

/** Things made for a file, by its id. */
const createCache = <Made, Rest extends readonly unknown[]>(make: (file: TailedFile, ...rest: Rest) => Made) => {
  const cache = new Map<string, Made>()
  return (file: TailedFile, ...rest: Rest): Made => {
    const made = cache.get(file.id) ?? make(file, ...rest)
    if (cache.size >= maxCached) cache.clear()
    cache.set(file.id, made)
    return made
  }
}
