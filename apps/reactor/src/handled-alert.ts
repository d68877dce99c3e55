/** An alert that was handled, for the status page. */
export interface HandledAlert {
  readonly id: string
  readonly status: 'firing' | 'resolved'
  readonly name: string
  readonly severity: string
  readonly summary: string
  /** The value that the rule measured; NaN if the alert has none. */
  readonly value: number
  /** ISO 8601: when the message says it happened. */
  readonly time: string
}
