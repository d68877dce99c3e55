import { systemClock, type Cancel, type Clock } from '@armature/async/clock'
import { within } from '@armature/async/within'

export interface WatchOptions {
  /** A question that the broker answers with little work. Rejects where it does not, also while the connection is made again. */
  readonly probe: () => Promise<unknown>
  /** Default: the machine's, by a clock that no correction of the time moves. */
  readonly clock?: Clock | undefined
}

export interface BrokerWatch {
  /** For how long the broker has not answered, in milliseconds; 0 = it answers. */
  readonly lostMs: number
  stop(): void
}

const everyMs = 1_000
/** Then the question counts as not answered, and the next one is asked. */
const answerMs = 5_000

/** Asks the broker once a second whether it is there. A connection alone does not say: a broker that hangs keeps its own. */
export const watchBroker = ({ probe, clock }: WatchOptions): BrokerWatch => {
  const { after } = clock ?? systemClock()
  const nowMs = clock === undefined ? () => performance.now() : clock.now
  let lostAtMs: number | undefined
  let isStopped = false
  let cancel: Cancel = () => undefined

  const answered = async (): Promise<boolean> => {
    const asked = probe().then(
      () => true,
      () => false,
    )
    return (await within(answerMs, asked, { after })) ?? false
  }

  const look = async () => {
    const startMs = nowMs()
    if (await answered()) lostAtMs = undefined
    else lostAtMs ??= startMs
    next()
  }

  const next = () => {
    if (!isStopped) cancel = after(everyMs, () => void look())
  }

  next()
  return {
    get lostMs() {
      return lostAtMs === undefined ? 0 : Math.max(1, nowMs() - lostAtMs)
    },
    stop: () => {
      isStopped = true
      cancel()
    },
  }
}
