/** When a message came by, and what the broker said of it where that is no time. */
export interface ReceivedTime {
  readonly receivedAt: Date
  /** Kept with the message. */
  readonly rawTime?: string | undefined
}

const earliestMs = new Date('0000-01-01T00:00:00Z').getTime()
const latestMs = new Date('9999-12-31T23:59:59.999Z').getTime()

/** Whether a CloudEvent can have the time: it is one of the years 0 to 9999. */
export const isEventTime = (time: Date): boolean => time.getTime() >= earliestMs && time.getTime() <= latestMs

/**
 * The time that a broker or another program gave a message, in milliseconds since 1970; now where it cannot be one, as when it is in
 * another unit. `given` is what came, to be kept in that case.
 */
export const receivedTime = (ms: number, given: string | number | bigint = ms): ReceivedTime => {
  const receivedAt = new Date(ms)
  return isEventTime(receivedAt) ? { receivedAt } : { receivedAt: new Date(), rawTime: String(given) }
}
