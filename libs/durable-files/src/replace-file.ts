import { randomUUID } from 'node:crypto'
import { open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { syncFolder } from './sync-folder.ts'

export interface ReplaceFileOptions {
  /** Whether the new text survives a power cut once this resolves. */
  readonly durable: boolean
}

/**
 * Replaces the text of a file, which only its owner may read. Whoever reads meanwhile, and whoever comes after a kill, finds the old text or the
 * new one, whole. Rejects as the file system does, and leaves the old text then. Its folder must exist.
 */
export const replaceFile = async (path: string, text: string, { durable }: ReplaceFileOptions): Promise<void> => {
  const draft = `${path}.${randomUUID()}.tmp`
  try {
    const handle = await open(draft, 'wx', 0o600)
    try {
      await handle.writeFile(text)
      if (durable) await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(draft, path)
    if (durable) await syncFolder(dirname(path))
  } finally {
    await rm(draft, { force: true })
  }
}
