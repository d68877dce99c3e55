import { pull, type PullParts } from './jetstream-pull.ts'
import { untilMade, type LastSeen, type MadeConsumer, type ReaderParts } from './jetstream-reader.ts'

export interface ConsumerPullParts
  extends Pick<ReaderParts, 'consumerFrom' | 'onGone'>, Omit<PullParts, 'consumer' | 'onGone' | 'pinGroup'> {
  /** The priority group of a consumer with pinned members. */
  readonly pinGroup?: () => string | undefined
  /** The last message that came. */
  readonly last: () => LastSeen | undefined
  /** The sequence with which a new consumer begins that takes the place of one which delivered `last`. */
  readonly resumeAt: (last: LastSeen) => number
  /** A new consumer is there and delivers nothing yet; undefined = none could be made. */
  readonly onMade: (made: MadeConsumer | undefined) => void
  /** A new consumer is not needed, since the pull was stopped meanwhile. */
  readonly onUnused?: (consumer: string) => void
}

/** Pulls from a consumer, and from a new one where that is lost. */
export interface ConsumerPull {
  /** The name of the consumer. */
  readonly consumer: string
  /** There may be more room than before. */
  wake(): void
  /** The consumer is said to be deleted. */
  consumerDeleted(): void
  /** This member is not the pinned one any more. */
  forgetPin(): void
  /** Goes on with a new consumer. */
  reopen(): void
  /** Requests nothing more. Resolves when the server knows. */
  stop(): Promise<void>
}

/** Finds or makes the consumer. Rejects with the server's error. */
export const consumerPull = async (parts: ConsumerPullParts): Promise<ConsumerPull> => {
  let state: 'pulling' | 'reopening' | 'stopped' = 'pulling'
  let { name: consumer } = await parts.consumerFrom(undefined)

  const open = () => pull({ ...parts, consumer, pinGroup: parts.pinGroup?.(), onGone: reopen })
  const isOver = () => state === 'stopped' || parts.connection.nc.isClosed()

  const goOn = async () => {
    await pulling.stop()
    const seen = parts.last()
    const made = await untilMade(
      () => parts.consumerFrom(seen === undefined ? undefined : { next: parts.resumeAt(seen), last: seen }),
      isOver,
    )
    parts.onMade(made)
    if (state === 'stopped') {
      if (made !== undefined) parts.onUnused?.(made.name)
      return
    }
    if (made === undefined) return parts.onGone(seen)
    state = 'pulling'
    consumer = made.name
    pulling = open()
  }

  const reopen = () => {
    if (state !== 'pulling') return
    state = 'reopening'
    goOn().catch(() => parts.onGone(parts.last()))
  }

  let pulling = open()

  return {
    get consumer() {
      return consumer
    },
    wake: () => pulling.wake(),
    consumerDeleted: () => pulling.consumerDeleted(),
    forgetPin: () => pulling.forgetPin(),
    reopen,
    stop: () => {
      state = 'stopped'
      return pulling.stop()
    },
  }
}
