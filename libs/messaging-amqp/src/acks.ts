/** Sends acknowledgements of one channel, many at once where their delivery tags follow each other. */
export interface Acks {
  /** The message of this tag is handled. Tags are whole numbers from 1 on, as the broker gives them. */
  ack(tag: number): void
  /** The message of this tag was settled by other means. */
  gone(tag: number): void
  /** Sends what is due. Called by itself at the end of the turn of the event loop. */
  flush(): void
}

export interface AcksParts {
  /** Acknowledges the tag, with `upTo` all up to it. */
  readonly send: (tag: number, upTo: boolean) => void
  readonly schedule?: (job: () => void) => void
}

/** Never acknowledges a tag that `ack` was not called for. */
export const amqpAcks = ({ send, schedule = setImmediate }: AcksParts): Acks => {
  /** All up to here are settled and sent. */
  let floor = 0
  /** Settled above the floor: true = its acknowledgement is not sent. */
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
