import { readdirSync, readFileSync } from 'node:fs'

/** Reads the milliseconds of processor time that something had so far. It says what a call costs also on a machine that is busy. */
export type Meter = () => number

const millisecondsPerTick = 10

/** The fields of /proc/PID/stat after the name: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
const statOf = (pid: number | string): readonly string[] => {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
  } catch {
    return []
  }
}

/** Measures one process. Linux only. */
export const meterOf =
  (pid: number): Meter =>
  () => {
    const stat = statOf(pid)
    return (Number(stat[11]) + Number(stat[12])) * millisecondsPerTick
  }

/** Measures the children of a process, including those that ended. Linux only. */
export const meterOfChildren =
  (pid: number): Meter =>
  () => {
    const ended = statOf(pid)
    return childrenOf(pid).reduce(
      (sum, child) => sum + (meterOf(child)() || 0),
      (Number(ended[13]) + Number(ended[14])) * millisecondsPerTick,
    )
  }

export const childrenOf = (pid: number): readonly number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && statOf(name)[1] === String(pid))
    .map(Number)
