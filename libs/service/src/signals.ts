import { type StopSignal, stopSignals } from './exit-codes.ts'

/**
 * A signal this soon after the first is the same request: npm and Nx pass a terminal's Ctrl-C on to a process that got it
 * from the terminal itself, within a millisecond, and `node --watch` does the same.
 */
export const sameRequestMs = 500

/** The part of `process` that `onStopSignals` needs. */
export interface SignalSource {
  on(signal: StopSignal, listener: (signal: StopSignal) => void): unknown
  off(signal: StopSignal, listener: (signal: StopSignal) => void): unknown
}

export interface StopSignalHooks {
  /** The first signal: stop when convenient. */
  first: (signal: StopSignal) => void
  /** Asked again, at least `sameRequestMs` after the first: stop now. */
  again: (signal: StopSignal) => void
  /** Asked first for a SIGHUP. True = it was taken as a request to read files again: it stops nothing. Default: never. */
  hangup?: () => boolean
  /** Milliseconds on a clock that is never set back. Default: `performance.now`. */
  now?: () => number
}

/**
 * Listens for SIGINT, SIGTERM and SIGHUP (the terminal went away, unless `hangup` takes it; settings are watched, so that no signal is needed
 * to read them again) until the answer is called.
 */
export const onStopSignals = (source: SignalSource, hooks: StopSignalHooks): (() => void) => {
  const { first, again, hangup = () => false, now = () => performance.now() } = hooks
  let firstAt: number | undefined
  const listener = (signal: StopSignal): void => {
    if (signal === 'SIGHUP' && firstAt === undefined && hangup()) return
    if (firstAt === undefined) {
      firstAt = now()
      first(signal)
    } else if (now() - firstAt >= sameRequestMs) again(signal)
  }
  for (const signal of stopSignals) source.on(signal, listener)
  return () => {
    for (const signal of stopSignals) source.off(signal, listener)
  }
}
