import { readFileSync, readdirSync } from 'node:fs'
import { type Member } from '@armature/servers/process-group'

/** The variable that every process of a test run inherits, so that one left behind can be told from others. */
export const runVariable = 'ARMATURE_TEST_RUN'

/**
 * The processes that a run has left behind, whichever process group they moved to. Known on Linux only (from /proc);
 * elsewhere empty.
 */
export const leftovers = (run: string): readonly Member[] => {
  const mark = `${runVariable}=${run}`
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

const numbered = (folder: string): number[] => {
  try {
    return readdirSync(folder)
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
  } catch {
    return []
  }
}
