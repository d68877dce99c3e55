import { mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { type Environment } from './execute.ts'
import { withLock } from './lock.ts'

/** The folder for programs that tests fetch, kept between runs. It is outside the checkout and may be removed at any time. */
export const cacheFolder = (env: Environment = process.env): string =>
  join(env['XDG_CACHE_HOME'] || join(env['HOME'] || homedir(), '.cache'), 'armature')

/**
 * The folder of `name`, built once for all processes: `build` fills an empty folder, which is then renamed into place, so
 * that a build that was stopped in the middle leaves nothing that looks whole.
 */
export const kept = async (
  name: string,
  options: { deadlineMs: number; env?: Environment; say?: (line: string) => void },
  build: (folder: string) => Promise<void>,
): Promise<string> => {
  const folder = join(cacheFolder(options.env), name)
  if (await exists(folder)) return folder
  const onWait = () => options.say?.(`${name}: another process installs it, waiting`)
  return withLock(`${folder}.lock`, { deadlineMs: options.deadlineMs, onWait }, async () => {
    if (await exists(folder)) return folder
    await mkdir(dirname(folder), { recursive: true })
    await removeAbandonedDrafts(folder)
    const draft = await mkdtemp(`${folder}.draft-`)
    try {
      await build(draft)
      await rename(draft, folder).catch(async (fault: unknown) => {
        if (!(await exists(folder))) throw fault
      })
      return folder
    } finally {
      await rm(draft, { recursive: true, force: true })
    }
  })
}

/** Under the lock nobody else builds: what is there is of a process that was killed. */
const removeAbandonedDrafts = async (folder: string): Promise<void> => {
  for (const name of await readdir(dirname(folder))) {
    if (name.startsWith(`${basename(folder)}.draft-`)) await rm(join(dirname(folder), name), { recursive: true })
  }
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  )
