import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { DatabaseError, sqlStates } from './database.ts'
import { isAlive } from './owned-folder.ts'

const pollMs = 100
/** A lock file without a process id is one whose owner died between creating and writing it. */
const unwrittenAfterMs = 2_000
/** EX_TEMPFAIL of sysexits. */
const tryAgain = 75

export interface LockOptions {
  deadlineMs: number
  /** Called once when another process has the lock. */
  onWait?: () => void
}

/**
 * Runs `job` while no other process has the lock file at `path`. A dead process's lock is taken over; two processes that do so
 * at the same moment may both run, so the job must put its result in place by one rename.
 */
export const withLock = async <T>(path: string, options: LockOptions, job: () => Promise<T>): Promise<T> => {
  const endMs = performance.now() + options.deadlineMs
  let waiting = false
  while (!taken(path)) {
    if (abandoned(path)) {
      rmSync(path, { force: true })
      continue
    }
    if (performance.now() > endMs) {
      throw new DatabaseError(`${path} is held by process ${ownerOf(path)} for ${options.deadlineMs / 1000} s`, {
        code: sqlStates.cannotConnect,
        exitCode: tryAgain,
        fix: 'Stop that process, or remove the file',
      })
    }
    if (!waiting) options.onWait?.()
    waiting = true
    await pause(pollMs)
  }
  try {
    return await job()
  } finally {
    rmSync(path, { force: true })
  }
}

const taken = (path: string): boolean => {
  try {
    writeFileSync(path, String(process.pid), { flag: 'wx' })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

const ownerOf = (path: string): number => {
  try {
    return Number(readFileSync(path, 'utf8'))
  } catch {
    return 0
  }
}

const abandoned = (path: string): boolean => {
  const pid = ownerOf(path)
  if (pid > 0) return !isAlive(pid)
  const file = statSync(path, { throwIfNoEntry: false })
  return file !== undefined && Date.now() - file.mtimeMs > unwrittenAfterMs
}
