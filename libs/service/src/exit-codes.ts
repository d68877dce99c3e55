/**
 * The exit codes of the processes of this workspace: those of sysexits.h (BSD), so that a supervisor or a script can tell what to do next.
 * 130 and 143 (128 + signal, as shells count) are given only when a second, later signal cut the drain.
 */
export const exitCodes = {
  /** The job is done, or the drain asked for by a signal ended clean. */
  ok: 0,
  /** EX_USAGE: a flag or argument is wrong. */
  usage: 64,
  /** EX_DATAERR: the input is not what it should be. */
  data: 65,
  /** EX_UNAVAILABLE: something it needs cannot be had: a port is taken, a server does not answer. */
  unavailable: 69,
  /** EX_SOFTWARE: a fault of the program itself. */
  software: 70,
  /** EX_IOERR: reading or writing failed. */
  io: 74,
  /** EX_TEMPFAIL: the drain ran over its deadline; what was not finished comes again. Try again. */
  temporary: 75,
  /** EX_CONFIG: a setting that is not a flag is wrong. */
  config: 78,
} as const

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

const signalNumbers = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const

/** The signals that ask a process to stop. */
export type StopSignal = keyof typeof signalNumbers

export const stopSignals: readonly StopSignal[] = ['SIGINT', 'SIGTERM', 'SIGHUP']

/** The exit code of a process that `signal` ended: 130 for SIGINT, 143 for SIGTERM, 129 for SIGHUP. */
export const signalExitCode = (signal: StopSignal): number => 128 + signalNumbers[signal]
