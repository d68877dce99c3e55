import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Environment } from './execute.ts'
import { isAlive, keeperAt, startKeeper, type KeeperClient } from './keeper-client.ts'
import { withLock } from './lock.ts'

const lockDeadlineMs = 60_000

/** Which keeper a user's `up` started, on the disk. One a user: a second `up` adds to it, from whichever checkout. */
export const keptState = (env: Environment = process.env) => {
  const folder = join(env['XDG_STATE_HOME'] || join(env['HOME'] || homedir(), '.local', 'state'), 'armature')
  const path = join(folder, 'servers.json')

  const recorded = async (): Promise<{ pid: number; folder: string } | undefined> => {
    const text = await readFile(path, 'utf8').catch(() => undefined)
    return text === undefined ? undefined : (JSON.parse(text) as { pid: number; folder: string })
  }

  const running = async (): Promise<KeeperClient | undefined> => {
    const found = await recorded()
    return found !== undefined && isAlive(found.pid) ? keeperAt(found.folder) : undefined
  }

  return {
    /** The keeper that runs, if one does. */
    running,
    /** The keeper that runs, or a new one. */
    opened: (): Promise<{ keeper: KeeperClient; isNew: boolean }> =>
      withLock(`${path}.lock`, { deadlineMs: lockDeadlineMs }, async () => {
        const known = await running()
        if (known !== undefined) return { keeper: known, isNew: false }
        const keeper = await startKeeper()
        await mkdir(dirname(path), { recursive: true })
        await writeFile(path, JSON.stringify({ pid: keeper.pid, folder: keeper.folder }), { mode: 0o600 })
        return { keeper, isNew: true }
      }),
    /** Ends the keeper with all its servers and their data, also what one left that was killed. */
    ended: (): Promise<void> =>
      withLock(`${path}.lock`, { deadlineMs: lockDeadlineMs }, async () => {
        const found = await recorded()
        if (found === undefined) return
        await (await running())?.end()
        await rm(found.folder, { recursive: true, force: true })
        await rm(path, { force: true })
      }),
  }
}
