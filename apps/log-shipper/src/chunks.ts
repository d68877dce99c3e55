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

/** The chunks of a stream. */
export const streamChunks = (stream: Readable): ChunkReader => {
  let isStopped = false
  /** What was read after the stop is the last: a stream gives out all that it holds at once. */
  let isLast = false
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
  const end = () => void stream.off('readable', wake).off('end', onOver).off('close', onOver)

  return {
    next: async () => {
      while (!isLast) {
        // Looked at first: what is read below is then the last that was held.
        const wasStopped = isStopped
        const wasOver = isOver
        const read = stream.read() as Buffer | string | null
        isLast = wasStopped || (wasOver && read === null)
        if (read !== null) return { bytes: typeof read === 'string' ? Buffer.from(read) : read }
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
