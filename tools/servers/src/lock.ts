import { mkdir, open, readFile, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

const pollMs = 100
/** A lock file without a process id is one whose owner died between creating and writing it. */
const unwrittenAfterMs = 2_000

/**
 * Runs `job` while no other process holds the lock file. The lock of a dead process is taken over. Two processes that
 * take over at the same moment may both run: a job must therefore put its result in place by one rename.
 */
export const withLock = async <Result>(
  path: string,
  options: { deadlineMs: number; onWait?: () => void },
  job: () => Promise<Result>,
): Promise<Result> => {
  await mkdir(dirname(path), { recursive: true })
  const end = Date.now() + options.deadlineMs
  let waiting = false
  while (!(await take(path))) {
    if (await abandoned(path)) {
      await rm(path, { force: true })
      continue
    }
    if (Date.now() > end) {
      throw new Error(
        `${path} is held by process ${await owner(path)} for ${options.deadlineMs / 1000} s: stop that process or remove the file`,
      )
    }
    if (!waiting) options.onWait?.()
    waiting = true
    await pause(pollMs)
  }
  try {
    return await job()
  } finally {
    await rm(path, { force: true })
  }
}

const take = async (path: string): Promise<boolean> => {
  const file = await open(path, 'wx').catch((fault: NodeJS.ErrnoException) => {
    if (fault.code === 'EEXIST') return undefined
    throw fault
  })
  if (file === undefined) return false
  await file.writeFile(String(process.pid))
  await file.close()
  return true
}

const owner = async (path: string): Promise<number> => Number(await readFile(path, 'utf8').catch(() => ''))

const abandoned = async (path: string): Promise<boolean> => {
  const pid = await owner(path)
  if (pid > 0) return !alive(pid)
  const file = await stat(path).catch(() => undefined)
  return file !== undefined && Date.now() - file.mtimeMs > unwrittenAfterMs
}

const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (fault) {
    return (fault as NodeJS.ErrnoException).code === 'EPERM'
  }
}
