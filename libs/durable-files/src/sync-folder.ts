import { open } from 'node:fs/promises'

/** The names in a folder survive a power cut once this resolves: new, renamed and removed ones. Rejects as the file system does. */
export const syncFolder = async (path: string): Promise<void> => {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
