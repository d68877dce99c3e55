/** Sends the acknowledgements of one channel: one for many messages where their delivery tags follow each other. */
export interface Acks {
  /** The message of this delivery tag is handled. The broker gives tags as whole numbers from 1 on. */
  ack(tag: number): void
  /** The message of this tag was settled by other means. */
  gone(tag: number): void
  /** Sends what is due now. Without it that happens at the end of the turn of the event loop. */
  flush(): void
}

export interface AcksParts {
  /** Acknowledges a message; with `upTo` all messages up to it too. */
  readonly send: (tag: number, upTo: boolean) => void
  readonly schedule?: (job: () => void) => void
}

/** The acknowledgements of a new channel. Never acknowledges a tag for which `ack` was not called. */
export const amqpAcks = ({ send, schedule = setImmediate }: AcksParts): Acks => {
  /** The highest tag up to which all are settled and sent. */
  let floor = 0
  /** The tags settled above the floor. True = the acknowledgement is not sent yet. */
  const settled = new Map<number, boolean>()
  let due: number[] = []
  let isScheduled = false

  const flush = () => {
    isScheduled = false
    let last = 0
    for (;;) {
      const isDue = settled.get(floor + 1)
      if (isDue === undefined) break
      floor++
      settled.delete(floor)
      if (isDue) last = floor
    }
    const tags = due
    due = []
    if (last > 0) send(last, true)
    for (const tag of tags) {
      if (tag <= floor) continue
      settled.set(tag, false)
      send(tag, false)
    }
  }

  return {
    ack: (tag) => {
      settled.set(tag, true)
      due.push(tag)
      if (isScheduled) return
      isScheduled = true
      schedule(flush)
    },
    gone: (tag) => {
      settled.set(tag, false)
    },
    flush,
  }
}
