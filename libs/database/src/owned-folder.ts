import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'

/** A folder that belongs to this process. */
export interface OwnedFolder {
  readonly path: string
  /** Removes it. Safe to call twice, and after the folder was moved away. */
  remove(): void
}

/**
 * A new, empty folder in `parent` named `<prefix>-<host>-<pid>-<random>`, removed at the end of the process at the latest. What killed
 * processes of this machine left there under the same prefix is removed first.
 */
export const ownedFolder = (parent: string, prefix: string): OwnedFolder => {
  removeStale(parent, prefix)
  const path = mkdtempSync(join(parent, `${prefix}-${machine()}-${process.pid}-`))
  const remove = () => {
    process.off('exit', remove)
    rmSync(path, { recursive: true, force: true })
  }
  process.once('exit', remove)
  return { path, remove }
}

const removeStale = (parent: string, prefix: string): void => {
  const start = `${prefix}-${machine()}-`
  for (const name of readdirSync(parent)) {
    const pid = name.startsWith(start) ? Number(/^\d+(?=-)/.exec(name.slice(start.length))?.[0]) : NaN
    if (Number.isNaN(pid) || isAlive(pid)) continue
    try {
      rmSync(join(parent, name), { recursive: true, force: true })
    } catch {
      // Another user's, or another process is at it: not ours to remove.
    }
  }
}

/** Process ids say nothing across machines and containers that share a folder. */
const machine = (): string => hostname().replaceAll(/[^\w.]/g, '_')

/** Returns true when a process with this id exists on this machine. */
export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
