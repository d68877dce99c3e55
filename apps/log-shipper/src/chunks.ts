import type { Readable } from 'node:stream'
import type { NewLines } from './record.ts'

/** Bytes of an input, as they were read. A line may begin in one chunk and end in a later one. */
export interface Chunk {
  readonly bytes: Buffer
  /** The lines of the chunk, where the input tells them apart itself. None of them goes on in another chunk. */
  readonly lines?: NewLines
  /** Called once all lines that end in the chunk are held by the spool. */
  readonly held?: () => void
}

/** Reads an input chunk by chunk. */
export interface ChunkReader {
  /** The next chunk. Undefined when the input has ended, or was stopped, and all of it was given out. */
  next(): Promise<Chunk | undefined>
  /** Only what the input holds by now is given out yet. */
  stop(): void
  /** Why the input ended before its end, once `next` has answered undefined. */
  readonly failure: Error | undefined
}

/**
 * The bound of the next chunk, which is read while one is taken into the spool. One read of the stream, of 64 KiB, may exceed it. A chunk is written
 * and synced together: a smaller one would make the input wait for the disk more often.
 */
const aheadBytes = 192 * 1024

/** The chunks of a stream. Nothing is read before the first is asked for. */
export const streamChunks = (stream: Readable): ChunkReader => {
  let isStarted = false
  let isStopped = false
  /** The chunk read after the stop is the last: a stream gives out all that it holds at once. */
  let isLast = false
  let isOver = stream.readableEnded || stream.destroyed
  let failure: Error | undefined
  let ahead: Buffer[] = []
  let change = Promise.withResolvers<void>()
  const wake = () => {
    change.resolve()
    change = Promise.withResolvers()
  }
  const readAhead = (limitBytes: number) => {
    let bytes = ahead.reduce((sum, { length }) => sum + length, 0)
    while (bytes < limitBytes) {
      const read = stream.read() as Buffer | string | null
      if (read === null) break
      const chunk = typeof read === 'string' ? Buffer.from(read) : read
      ahead.push(chunk)
      bytes += chunk.length
    }
  }
  const onReadable = () => {
    if (isStarted) readAhead(aheadBytes)
    wake()
  }
  const onOver = () => {
    isOver = true
    wake()
  }
  const onError = (error: Error) => {
    failure = error
    onOver()
  }
  stream.on('readable', onReadable).on('end', onOver).on('close', onOver).on('error', onError)
  const end = () => void stream.off('readable', onReadable).off('end', onOver).off('close', onOver)

  return {
    next: async () => {
      isStarted = true
      while (!isLast) {
        // Looked at first: what is read below is then the last that was held.
        const wasStopped = isStopped
        const wasOver = isOver
        readAhead(wasStopped || wasOver ? Infinity : aheadBytes)
        const [first, ...more] = ahead
        ahead = []
        isLast = wasStopped || (wasOver && first === undefined)
        if (first !== undefined) return { bytes: more.length === 0 ? first : Buffer.concat([first, ...more]) }
        if (!isLast) await change.promise
      }
      end()
      return undefined
    },
    stop: () => {
      isStopped = true
      wake()
    },
    get failure() {
      return failure
    },
  }
}
