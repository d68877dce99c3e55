import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { exitCodes } from '@armature/service/exit-codes'
import { ServiceError } from '@armature/service/faults'
import type { Disk } from './disk.ts'

/** A folder that is read and left as it is. */
export type ReadableFolder = Pick<Disk, 'list' | 'read'>

/** The folder at that path, which is not made where it is missing. Rejects with ServiceError, exit code 74, where it cannot be read. */
export const existingFolder = (path: string): ReadableFolder => ({
  list: async () => {
    try {
      return await readdir(path)
    } catch (cause) {
      throw unreadable(path, cause)
    }
  },
  read: async (name) => {
    try {
      return await readFile(join(path, name))
    } catch (cause) {
      if (codeOf(cause) === 'ENOENT') return undefined
      throw unreadable(join(path, name), cause)
    }
  },
})

const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code ?? ''

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such folder',
  ENOTDIR: 'it is no folder',
  EACCES: 'this user may not read it',
}

const unreadable = (path: string, cause: unknown) =>
  new ServiceError(`cannot read the spool ${path}: ${reasons[codeOf(cause)] ?? (cause as Error).message}`, {
    exitCode: exitCodes.io,
    fix: 'Give the topic of the spool (--topic), or its folder (--spool-dir)',
    cause,
  })
