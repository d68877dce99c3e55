import { type FileHandle, open, readdir, rename, unlink } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { isAlive } from '@armature/database/owned-folder'
import { syncFolder } from '@armature/durable-files/sync-folder'

/** A file that is being written. It has this at the end of its name until it is complete. */
const unfinished = '.part'

/** A file of lines that only grows, under a temporary name until it is complete. */
export interface NdjsonFile {
  readonly bytes: number
  /** Resolves when the lines are on the disk. What a rejected call left of them is taken back by the next one. */
  append(lines: Buffer): Promise<void>
  /** Gives the file its name. An empty one is removed. */
  complete(): Promise<void>
}

const host = hostname().replaceAll(/[^\w.]/g, '_')
let files = 0
/** The files of this process that are written now. */
const live = new Set<string>()

/** A new file in the folder: `events-2026-01-02T03-04-05.678Z-HOST-PID-1.ndjson`. Rejects as the file system does. */
export const openNdjsonFile = async (folder: string, now: Date): Promise<NdjsonFile> => {
  const name = `events-${now.toISOString().replaceAll(':', '-')}-${host}-${process.pid}-${(files += 1)}.ndjson`
  const path = join(folder, name)
  const handle = await open(`${path}${unfinished}`, 'wx', 0o640)
  let bytes = 0
  let isTorn = false
  live.add(`${name}${unfinished}`)
  await syncFolder(folder)
  return {
    get bytes() {
      return bytes
    },
    append: async (lines) => {
      if (isTorn) await handle.truncate(bytes)
      isTorn = true
      await writeAll(handle, lines, bytes)
      await handle.datasync()
      // Lines of a file without a name are on no disk that anybody can read.
      if ((await handle.stat()).nlink === 0) throw new Error(`somebody removed ${path}${unfinished}`)
      isTorn = false
      bytes += lines.length
    },
    complete: async () => {
      try {
        if (isTorn) await handle.truncate(bytes)
      } finally {
        live.delete(`${name}${unfinished}`)
        await handle.close()
      }
      if (bytes === 0) await unlink(`${path}${unfinished}`)
      else await rename(`${path}${unfinished}`, path)
      await syncFolder(folder)
    },
  }
}

const writeAll = async (handle: FileHandle, data: Buffer, at: number): Promise<void> => {
  for (let from = 0; from < data.length;)
    from += (await handle.write(data, from, data.length - from, at + from)).bytesWritten
}

const tailBytes = 64 * 1024

/**
 * Completes the files that processes of this machine left when they were killed: a last line that was not written to its end is cut off.
 * Resolves to how many files there were.
 */
export const repairFolder = async (folder: string): Promise<number> => {
  let repaired = 0
  for (const name of await readdir(folder)) {
    const [, owner, pid] = /^events-[\dT.Z-]+?-([\w.]+)-(\d+)-\d+\.ndjson\.part$/.exec(name) ?? []
    if (owner !== host || pid === undefined) continue
    if (Number(pid) === process.pid ? live.has(name) : isAlive(Number(pid))) continue
    const path = join(folder, name)
    const handle = await open(path, 'r+')
    let whole: number
    try {
      whole = await endOfLastLine(handle)
      await handle.truncate(whole)
      await handle.sync()
    } finally {
      await handle.close()
    }
    if (whole === 0) await unlink(path)
    else await rename(path, path.slice(0, -unfinished.length))
    repaired += 1
  }
  await syncFolder(folder)
  return repaired
}

const endOfLastLine = async (handle: FileHandle): Promise<number> => {
  const block = Buffer.alloc(tailBytes)
  for (let end = (await handle.stat()).size; end > 0;) {
    const from = Math.max(0, end - tailBytes)
    const { bytesRead } = await handle.read(block, 0, end - from, from)
    const at = block.subarray(0, bytesRead).lastIndexOf(0x0a)
    if (at >= 0) return from + at + 1
    end = from
  }
  return 0
}
