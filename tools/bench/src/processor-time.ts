import { readdirSync, readFileSync } from 'node:fs'

const millisecondsPerTick = 10

/** Of the fields of /proc/PID/stat after the name: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
const statOf = (pid: number | string): readonly string[] => {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
  } catch {
    return []
  }
}

/** Milliseconds of processor time that the process had so far. It says what a call costs also on a machine that is busy. Linux only. */
export const processorMs = (pid: number): number => {
  const stat = statOf(pid)
  return (Number(stat[11] ?? 0) + Number(stat[12] ?? 0)) * millisecondsPerTick
}

/** The same of its children, those that ended included. */
export const childrenMs = (pid: number): number => {
  const ended = statOf(pid)
  const running = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && statOf(name)[1] === String(pid))
  return (
    (Number(ended[13]) + Number(ended[14])) * millisecondsPerTick +
    running.reduce((sum, name) => sum + processorMs(Number(name)), 0)
  )
}
