/** Those of envconsul and consul-template. Else the code is the child's own (128 and the signal's number, where one ended it). */
export const exitCodes = {
  ok: 0,
  /** Something unforeseen. */
  error: 11,
  /** Ctrl-C; the child has ended. */
  interrupt: 12,
  /** A flag or argument is wrong. */
  flags: 13,
  /** The command cannot be started, or with -once KV cannot be read. */
  runner: 14,
  /** A CONSUL_* variable is wrong, or a file that it names. */
  config: 15,
} as const

/** A fault that ends the program with one of these codes. */
export class EnvError extends Error {
  override readonly name = 'EnvError'
  readonly exitCode: number

  constructor(message: string, exitCode: number, options?: ErrorOptions) {
    super(message, options)
    this.exitCode = exitCode
  }
}
