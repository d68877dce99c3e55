import type { EncodedMessage } from './codec.ts'
import type { PublishChannel } from './publish-channel.ts'

/** How the client says that the broker refused a message, as a queue does that is full. */
const nacked = 'message nacked'

/** One call of publish: what it sends, and what the broker has answered so far. */
export interface PublishCall {
  readonly topic: string
  readonly exchange: string
  readonly routingKey: string
  readonly messages: readonly EncodedMessage[]
  readonly isDeadLetter: boolean
  /** 1 = the broker has the message of this index. */
  readonly confirmed: Uint8Array
  /** Ids of messages that the broker returned, since no queue takes them. */
  readonly returned: Set<string>
  /** When the broker last confirmed a message of this call, by `performance.now()`; first the time of the call. */
  progressAtMs: number
  /** Resolves when the call made no progress for as long as it may wait. */
  readonly late: PromiseWithResolvers<'late'>
}

/** `lost`: the channel ended before all confirms came. `refused`: the broker refused at least one message. */
export type Outcome = 'done' | 'lost' | 'late' | 'refused'

/** Marks what the broker returned to be sent once more. */
export const resendReturned = ({ messages, confirmed, returned }: PublishCall): void => {
  for (const [index, { id }] of messages.entries()) if (returned.has(id)) confirmed[index] = 0
  returned.clear()
}

/** Marks all from the first unconfirmed message on to be sent once more, which keeps their order. */
export const resendFromGap = ({ confirmed }: PublishCall): void => {
  const gap = confirmed.indexOf(0)
  if (gap >= 0) confirmed.fill(0, gap)
}

/** Sends what is not confirmed and waits for the confirms. */
export const send = async (out: PublishChannel, call: PublishCall): Promise<Outcome> => {
  const { exchange, routingKey, messages, confirmed, returned } = call
  const outcome = Promise.withResolvers<Outcome>()
  const unconfirmed = messages.filter((_, index) => confirmed[index] !== 1)
  const mandatoryIds = unconfirmed.filter(({ properties }) => properties.mandatory === true).map(({ id }) => id)
  const endReturns = out.catchReturns(call, mandatoryIds, returned)
  let awaited = 0
  let isChecked = false
  let isOver = false
  let isRefused = false
  const end = (how: Outcome) => {
    isOver = true
    outcome.resolve(how)
  }
  const endIfComplete = () => {
    if (awaited === 0 && isChecked) end(isRefused ? 'refused' : 'done')
  }
  void call.late.promise.then(end)
  try {
    for (const [index, { content, properties }] of messages.entries()) {
      if (confirmed[index] === 1) continue
      if (isOver) break
      awaited++
      const takesMore = out.channel.publish(exchange, routingKey, content, properties, (error: Error | null) => {
        if (error === null) {
          confirmed[index] = 1
          call.progressAtMs = performance.now()
        } else if (error.message === nacked) isRefused = true
        else return end('lost')
        awaited--
        endIfComplete()
      })
      if (!takesMore) await Promise.race([out.drained(), outcome.promise])
    }
    out.checkMark().then(
      () => {
        isChecked = true
        endIfComplete()
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
