import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stateFolder } from '@armature/config/process'
import { exitCodes } from '@armature/service/exit-codes'
import { ServiceError } from '@armature/service/faults'
import { type Disk, folderDisk, makeFolder } from './disk.ts'
import { lockFolder } from './lock.ts'
import type { Spool } from './spool.ts'

/** The folder of a spool's files. */
export interface SpoolFolder {
  readonly disk: Disk
  /** Safe to call twice. */
  close(): Promise<void>
}

/** The folder of the spool of a topic: the one that is set, else one in the user's state folder. */
export const spoolPath = ({ spoolDir, topic }: { readonly spoolDir?: string | undefined; readonly topic: string }) =>
  spoolDir ?? join(stateFolder(), 'log-shipper', topic)

/** A folder that outlives the process and is this process's alone meanwhile. Rejects with ServiceError, exit code 75, if it is another's. */
export const durableFolder = async (path: string): Promise<SpoolFolder> => {
  await makeFolder(path)
  const release = await lockFolder(path)
  return { disk: await folderDisk(path), close: release }
}

/** A folder that is removed at the end, for lines that live no longer than the process. */
export const temporaryFolder = async (): Promise<SpoolFolder> => {
  const path = await mkdtemp(join(tmpdir(), 'armature-spool-'))
  return { disk: await folderDisk(path), close: () => rm(path, { recursive: true, force: true }) }
}

/** Runs `open`. What the file system says of the folder becomes a ServiceError with an exit code and a fix. */
export const openedSpool = async (open: () => Promise<Spool>): Promise<Spool> => {
  try {
    return await open()
  } catch (cause) {
    if (!(cause instanceof Error) || 'exitCode' in cause || !('syscall' in cause)) throw cause
    throw new ServiceError('the spool cannot be opened', {
      exitCode: exitCodes.io,
      fix: 'Let --spool-dir (env SPOOL_DIR) name a folder that this user may write, on a disk that has room',
      cause,
    })
  }
}
