import type { EncodedMessage } from './codec.ts'
import type { Outlet } from './outlet.ts'

/** How the client says that the broker refused a message, as a queue does that is full. */
const nacked = 'message nacked'

/** One call of publish. */
export interface Job {
  readonly topic: string
  readonly key: string
  readonly exchange: string
  readonly messages: readonly EncodedMessage[]
  readonly isDeadLetter: boolean
  /** 1 = the broker has it. */
  readonly confirmed: Uint8Array
  /** Ids that the broker had no queue for. */
  readonly returned: Set<string>
  progressMs: number
  /** Resolves when it made no progress for as long as it may wait. */
  readonly late: PromiseWithResolvers<'late'>
}

export type Outcome = 'done' | 'lost' | 'late' | 'refused'

/** What came back is to be sent once more. */
export const takeAgain = ({ messages, confirmed, returned }: Job) => {
  for (const [index, { id }] of messages.entries()) if (returned.has(id)) confirmed[index] = 0
  returned.clear()
}

/** Keeps the order: all from the first that is not confirmed on is to be sent once more. */
export const takeFromGapOn = ({ confirmed }: Job) => {
  const gap = confirmed.indexOf(0)
  if (gap >= 0) confirmed.fill(0, gap)
}

/** Sends what is not confirmed and waits for the confirms. */
export const send = async (out: Outlet, job: Job): Promise<Outcome> => {
  const { channel } = out
  const { exchange, key, messages, confirmed, returned } = job
  const outcome = Promise.withResolvers<Outcome>()
  const due = messages.filter((_, index) => confirmed[index] !== 1)
  const ids = due.filter(({ properties }) => properties.mandatory === true).map(({ id }) => id)
  const endReturns = out.catchReturns(job, ids, returned)
  let unconfirmed = 0
  let isChecked = false
  let isOver = false
  let isRefused = false
  const end = (how: Outcome) => {
    isOver = true
    outcome.resolve(how)
  }
  const settled = () => {
    if (unconfirmed === 0 && isChecked) end(isRefused ? 'refused' : 'done')
  }
  void job.late.promise.then(end)
  try {
    for (const [index, { content, properties }] of messages.entries()) {
      if (confirmed[index] === 1) continue
      if (isOver) break
      unconfirmed++
      const takesMore = channel.publish(exchange, key, content, properties, (error: Error | null) => {
        if (error === null) {
          confirmed[index] = 1
          job.progressMs = performance.now()
        } else if (error.message === nacked) isRefused = true
        else return end('lost')
        unconfirmed--
        settled()
      })
      if (!takesMore) await Promise.race([out.drained(), outcome.promise])
    }
    out.checkMark().then(
      () => {
        isChecked = true
        settled()
      },
      () => end('lost'),
    )
    return await outcome.promise
  } catch (error) {
    // The client throws where its channel is closed.
    if (out.isOpen) throw error
    return 'lost'
  } finally {
    endReturns()
  }
}
