/** Time as the code sees it, so that a test or a simulation can drive it. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number
  /** Calls `callback` once after `delayMs`; the answer cancels it. A pending timer does not keep the process alive. */
  after(delayMs: number, callback: () => void): Cancel
}

export type Cancel = () => void
