import { type FileTail, type FileTailOptions, openFileTail } from '@armature/file-tail/file-tail'
import { exitCodes } from '@armature/service/exit-codes'
import { criHeaderBytes, fileChunks, type FileChunksOptions } from './file-chunks.ts'
import type { Input } from './input.ts'

export interface FileInputOptions extends Omit<FileChunksOptions, 'tail'>, Omit<FileTailOptions, 'maxLineBytes'> {}

/**
 * The lines of files. Followed until they are asked to end; without `follow` they end by themselves, with exit code 74 where one of
 * them could not be read.
 */
export const openFileInput = async ({ maxLineBytes, ...options }: FileInputOptions): Promise<Input> => {
  const tail = await openFileTail({ ...options, maxLineBytes: maxLineBytes + criHeaderBytes })
  const ended = Promise.withResolvers<number>()
  const chunks = fileChunks({ ...options, maxLineBytes, tail: toldOfTheEnd(tail, ended.resolve) })
  return {
    chunks,
    what: options.globs.join(', '),
    ended: ended.promise,
    graceMs: 0,
    stop: () => {
      chunks.stop()
      ended.resolve(0)
    },
    close: async () => {
      chunks.stop()
      ended.resolve(0)
      await tail.close()
    },
  }
}

/** Says what the process should exit with when the tail has nothing more. */
const toldOfTheEnd = (tail: FileTail, end: (code: number) => void): Pick<FileTail, 'next' | 'stop'> => {
  let isStopped = false
  return {
    next: async () => {
      const lines = await tail.next()
      if (lines === undefined) end(!isStopped && tail.stats.unreadable > 0 ? exitCodes.io : 0)
      return lines
    },
    stop: () => {
      isStopped = true
      tail.stop()
    },
  }
}
