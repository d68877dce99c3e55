import type { Clock } from '@armature/async/clock'

/** How an answer counts: in time, or with the request to come slower. */
export type Load = 'ok' | 'busy'

export interface AdaptiveConcurrency {
  /** Calls now allowed at once: from 1 to the maximum. */
  readonly limit: number
  readonly running: number
  /** Runs the job once there is room. Rejects with the signal's reason when that is aborted before. `loadOf` judges the answer; a rejection is busy. */
  run<T>(job: () => Promise<T>, loadOf: (answer: T) => Load, signal?: AbortSignal): Promise<T>
}

export interface AdaptiveConcurrencyOptions {
  /** At least 1. */
  readonly maxAtOnce: number
  readonly clock: Clock
}

/** An answer that takes so many times the usual is one of a server with too much to do. */
const slowRatio = 3
/** Below it a call counts as fast, whatever is usual: noise of a few milliseconds is no load. */
const fastMs = 50
/** The weight of the newest latency in the usual one. */
const newestWeight = 0.1

/**
 * Additive increase, multiplicative decrease, as TCP does (RFC 5681): one more call at once after each full round of calls in time, half as
 * many after an answer that is busy or slow. One decrease a round, so that calls that met the same jam count once.
 */
export const createAdaptiveConcurrency = ({ maxAtOnce, clock }: AdaptiveConcurrencyOptions): AdaptiveConcurrency => {
  let limit = 1
  let running = 0
  let inTime = 0
  let usualMs: number | undefined
  let lastDecreaseMs = -Infinity
  const waiting = new Set<() => void>()

  const admit = () => {
    for (const start of waiting) {
      if (running >= limit) return
      waiting.delete(start)
      running += 1
      start()
    }
  }

  const room = (signal: AbortSignal | undefined): Promise<void> =>
    new Promise((resolve, reject) => {
      if (signal?.aborted === true) return reject(signal.reason as Error)
      const leave = () => {
        waiting.delete(start)
        reject(signal?.reason as Error)
      }
      const start = () => {
        signal?.removeEventListener('abort', leave)
        resolve()
      }
      signal?.addEventListener('abort', leave, { once: true })
      waiting.add(start)
      admit()
    })

  const observe = (load: Load, startMs: number) => {
    const tookMs = clock.now() - startMs
    const isSlow = usualMs !== undefined && tookMs > Math.max(fastMs, usualMs * slowRatio)
    if (load === 'ok') usualMs = usualMs === undefined ? tookMs : usualMs + newestWeight * (tookMs - usualMs)
    if (load === 'ok' && !isSlow) {
      inTime += 1
      if (inTime < limit) return
      inTime = 0
      limit = Math.min(maxAtOnce, limit + 1)
      return
    }
    inTime = 0
    if (startMs < lastDecreaseMs) return
    lastDecreaseMs = clock.now()
    limit = Math.max(1, Math.floor(limit / 2))
  }

  return {
    get limit() {
      return limit
    },
    get running() {
      return running
    },
    run: async (job, loadOf, signal) => {
      await room(signal)
      const startMs = clock.now()
      let load: Load = 'busy'
      try {
        const answer = await job()
        load = loadOf(answer)
        return answer
      } finally {
        running -= 1
        observe(load, startMs)
        admit()
      }
    },
  }
}
