import { randomUUID } from 'node:crypto'
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { exitCodes } from '@armature/service/exit-codes'
import { ServiceError } from '@armature/service/faults'

/** Gives the folder back. Safe to call twice. */
export type Release = () => Promise<void>

const maxAttempts = 10

/**
 * Takes a folder for this process alone, by a file `lock` that names it: process id and, where /proc tells, when it was started,
 * since ids come again. A lock whose process has ended is taken over. Rejects with ServiceError, exit code 75, while another
 * process has it. It does not see processes of another machine or container: give each its own folder.
 */
export const lockFolder = async (folder: string): Promise<Release> => {
  const path = join(folder, 'lock')
  const mine = `${await describeProcess(process.pid)} ${randomUUID()}\n`
  const draft = join(folder, `lock-${randomUUID()}`)
  await writeFile(draft, mine, { mode: 0o600 })
  try {
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      if (await linked(draft, path)) return release(path, mine)
      const found = await contentOf(path)
      if (found === undefined) continue
      const holder = Number.parseInt(found, 10)
      if (await isHeld(found, holder)) throw heldBy(folder, holder)
      await discard(path, found)
    }
    throw heldBy(folder, undefined)
  } finally {
    await rm(draft, { force: true })
  }
}

const heldBy = (folder: string, pid: number | undefined): ServiceError =>
  new ServiceError(
    `the spool ${folder} belongs to another log-shipper${pid === undefined ? '' : ` (process ${pid})`}`,
    {
      exitCode: exitCodes.temporary,
      fix: 'Stop it, or give this one a folder of its own by --spool-dir (env SPOOL_DIR)',
    },
  )

const release = (path: string, mine: string): Release => {
  let released: Promise<void> | undefined
  const remove = async () => {
    if ((await contentOf(path)) === mine) await rm(path, { force: true })
  }
  return () => (released ??= remove())
}

const linked = async (from: string, to: string): Promise<boolean> => {
  try {
    await link(from, to)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/** Moved aside before it is removed: another process may have put its own lock there meanwhile, which is then put back. */
const discard = async (path: string, stale: string): Promise<void> => {
  const aside = `${path}-${randomUUID()}`
  try {
    await rename(path, aside)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  if ((await contentOf(aside)) !== stale) await linked(aside, path)
  await rm(aside, { force: true })
}

const contentOf = async (path: string): Promise<string | undefined> => {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

const isHeld = async (found: string, pid: number): Promise<boolean> => {
  if (!Number.isInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
  }
  return found.startsWith(`${await describeProcess(pid)} `)
}

/** `PID START`; the start is in clock ticks since the machine's (https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html), 0 elsewhere. */
const describeProcess = async (pid: number): Promise<string> => {
  const stat = await contentOf(`/proc/${pid}/stat`)
  // The name in parentheses may hold anything; the start is the 20th field after it.
  const start = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  return `${pid} ${start ?? '0'}`
}
