/**
 * The message is not at fault and should come again later: retry passes it on at once, dead-letter never takes the message. For a
 * dependency that is out of order, or a bound that is reached.
 */
export class RedeliverError extends Error {
  override readonly name = 'RedeliverError'
  /** A short label for counters, such as `outage`. */
  readonly reason: string

  constructor(reason: string, problem: string, options?: { cause?: unknown }) {
    super(`${problem}: the message comes again`, options)
    this.reason = reason
  }
}
