import { readFileSync, readdirSync } from 'node:fs'
import { type Member } from './process-group.ts'

/** The variable that every process of a test run inherits, so that one left behind can be told from others. */
export const runVariable = 'ARMATURE_TEST_RUN'

/**
 * The processes that inherited this variable with this value, whichever group or session they moved to; not this one.
 * Known on Linux only (from /proc); elsewhere empty.
 */
export const marked = (variable: string, value: string): readonly Member[] => {
  const mark = `${variable}=${value}`
  return numbered('/proc').flatMap((pid) => {
    if (pid === process.pid) return []
    try {
      if (!readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(mark)) return []
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
      // A process that has ended but was not collected has no command line.
      return command === '' ? [] : [{ pid, command }]
    } catch {
      return []
    }
  })
}

/** Signals all of them; one that has ended meanwhile is none. */
export const signalAll = (processes: readonly { readonly pid: number }[], signal: NodeJS.Signals): void => {
  for (const { pid } of processes) {
    try {
      process.kill(pid, signal)
    } catch (fault) {
      if ((fault as NodeJS.ErrnoException).code !== 'ESRCH') throw fault
    }
  }
}

const numbered = (folder: string): number[] => {
  try {
    return readdirSync(folder)
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
  } catch {
    return []
  }
}
