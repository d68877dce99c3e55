/** A platform cannot be made. The message names the reason and the fix. */
export class Failure extends Error {
  override readonly name = 'Failure'
  /** As of sysexits. */
  readonly exitCode: number

  constructor(problem: string, exitCode: number) {
    super(problem)
    this.exitCode = exitCode
  }
}

export const usage = 64
export const unavailable = 69
export const ioFailed = 74
