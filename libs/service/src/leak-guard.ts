import type { Writable } from 'node:stream'

/** The longest time that the event loop may stay alive after the end. Then the process is ended. */
export const leakGraceMs = 1_000

/**
 * To be called when all is closed. Should something still keep the event loop alive `graceMs` later, says what on `stderr`
 * and exits with `process.exitCode`. The timer itself keeps nothing alive.
 */
export const guardAgainstLeaks = (name: string, stderr: Writable, graceMs = leakGraceMs): void => {
  setTimeout(() => {
    const kinds = Object.entries(Object.groupBy(process.getActiveResourcesInfo(), (kind) => kind))
    const list = kinds.map(([kind, all]) => `${kind} x${all?.length ?? 0}`).join(', ')
    stderr.write(`${name}: still active ${graceMs} ms after close: ${list}; exiting\n`)
    process.exit()
  }, graceMs).unref()
}
