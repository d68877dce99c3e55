import { mkdir, open, readdir, readFile, rename, rm, writeFile, type FileHandle } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { syncFolder } from '@armature/durable-files/sync-folder'

/** The one folder of a spool. Errors are those of the file system, with their `code`. */
export interface Disk {
  list(): Promise<readonly string[]>
  /** A new, empty file. Its name survives a power cut when `durable`. Rejects with EEXIST where there is one. */
  create(name: string, durable: boolean): Promise<DiskFile>
  /** For reading. */
  open(name: string): Promise<DiskFile>
  /** Resolves when the names of the files survive a power cut. */
  sync(): Promise<void>
  remove(name: string): Promise<void>
  /** Undefined where there is no such file. */
  read(name: string): Promise<Uint8Array | undefined>
  /** Puts `bytes` in place of what the file held. A reader sees the old bytes or the new; after a power cut it may find neither. */
  replace(name: string, bytes: Uint8Array): Promise<void>
}

export interface DiskFile {
  readonly sizeBytes: number
  /** Writes all of `bytes` there, or rejects with some of them written. */
  write(bytes: Uint8Array, position: number): Promise<void>
  /** Up to `length` bytes, fewer at the end of the file. */
  read(position: number, length: number): Promise<Buffer>
  /** Resolves when what was written survives a power cut. After a rejection nothing is known of it. */
  sync(): Promise<void>
  truncate(sizeBytes: number): Promise<void>
  close(): Promise<void>
}

/** Makes a folder with its parents, for this user only; what it made survives a power cut. */
export const makeFolder = async (path: string): Promise<void> => {
  const folder = resolve(path)
  const first = await mkdir(folder, { recursive: true, mode: 0o700 })
  if (first === undefined) return
  for (let made = folder; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made))
}

/** A folder of the file system, made where it is missing. Its files are for this user only. */
export const folderDisk = async (folder: string): Promise<Disk> => {
  await makeFolder(folder)

  return {
    list: () => readdir(folder),
    sync: () => syncFolder(folder),
    create: async (name, durable) => {
      const handle = await open(join(folder, name), 'wx+', 0o600)
      try {
        if (durable) await syncFolder(folder)
        return diskFile(handle, 0)
      } catch (error) {
        await handle.close()
        throw error
      }
    },
    open: async (name) => {
      const handle = await open(join(folder, name), 'r+')
      return diskFile(handle, (await handle.stat()).size)
    },
    remove: (name) => rm(join(folder, name), { force: true }),
    read: async (name) => {
      try {
        return await readFile(join(folder, name))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
        throw error
      }
    },
    replace: async (name, bytes) => {
      const temporary = join(folder, `${name}.tmp`)
      await writeFile(temporary, bytes, { mode: 0o600 })
      await rename(temporary, join(folder, name))
    },
  }
}

const diskFile = (handle: FileHandle, sizeBytes: number): DiskFile => ({
  sizeBytes,
  write: async (bytes, position) => {
    for (let done = 0; done < bytes.length;) {
      const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done)
      done += bytesWritten
    }
  },
  read: async (position, length) => {
    const buffer = Buffer.allocUnsafe(length)
    let done = 0
    while (done < length) {
      const { bytesRead } = await handle.read(buffer, done, length - done, position + done)
      if (bytesRead === 0) break
      done += bytesRead
    }
    return buffer.subarray(0, done)
  },
  sync: () => handle.datasync(),
  truncate: (bytes) => handle.truncate(bytes),
  close: () => handle.close(),
})
