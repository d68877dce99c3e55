import { readFileSync } from 'node:fs'
import { childrenOf } from './processor-time.ts'

/** Resident memory of a process and its descendants, in mebibytes; NaN where there is no /proc. */
export const residentMebibytes = (pid: number): number => {
  try {
    const own = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024
    return childrenOf(pid).reduce((sum, child) => sum + residentMebibytes(child), own)
  } catch {
    return NaN
  }
}
