import { createHash } from 'node:crypto'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Environment } from './execute.ts'
import { isAlive, supervisorAt, startSupervisor, type SupervisorClient } from './supervisor-client.ts'
import { withLock } from './lock.ts'

const lockDeadlineMs = 60_000

/** The checkout that this file belongs to. */
const thisCheckout = join(import.meta.dirname, '../../..')

/** Which supervisor the `up` of a checkout started, on the disk. One a user and checkout: a second `up` adds to it. */
export const keptState = (env: Environment = process.env, checkout: string = thisCheckout) => {
  const folder = join(env['XDG_STATE_HOME'] || join(env['HOME'] || homedir(), '.local', 'state'), 'armature')
  const path = join(folder, `servers-${createHash('sha256').update(checkout).digest('hex').slice(0, 16)}.json`)

  const recorded = async (): Promise<{ pid: number; folder: string } | undefined> => {
    const text = await readFile(path, 'utf8').catch(() => undefined)
    return text === undefined ? undefined : (JSON.parse(text) as { pid: number; folder: string })
  }

  const running = async (): Promise<SupervisorClient | undefined> => {
    const found = await recorded()
    return found !== undefined && isAlive(found.pid) ? supervisorAt(found.folder) : undefined
  }

  return {
    /** The supervisor that runs, if one does. */
    running,
    /** The supervisor that runs, or a new one. */
    opened: (): Promise<{ supervisor: SupervisorClient; isNew: boolean }> =>
      withLock(`${path}.lock`, { deadlineMs: lockDeadlineMs }, async () => {
        const known = await running()
        if (known !== undefined) return { supervisor: known, isNew: false }
        const supervisor = await startSupervisor()
        await mkdir(dirname(path), { recursive: true })
        await writeFile(path, JSON.stringify({ checkout, pid: supervisor.pid, folder: supervisor.folder }), {
          mode: 0o600,
        })
        return { supervisor, isNew: true }
      }),
    /** Ends the supervisor with all its servers and their data, also what one left that was killed. */
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
