import { isDeepStrictEqual } from 'node:util'
import { backoffMs } from '@armature/async/backoff'
import { jitterMs } from '@armature/async/jitter'
import type { Answer, Blocking } from './consul-client.ts'
import type { Cancel } from './ports.ts'
import { tell } from './tell.ts'

export interface BlockingQueryOptions<T> {
  /** One question. */
  ask: (options: Required<Blocking>) => Promise<Answer<T>>
  /**
   * Called for the first answer, for each one that differs from the one before, and for the first one after a failure. Where it throws, that is
   * a failure: it is told again with the next answer.
   */
  onValue: (value: T) => void
  /** Called for each failure. The query goes on. An error that it throws becomes a warning of the process. */
  onFault?: ((fault: unknown) => void) | undefined
  /** How long an answer may wait for a change. Default 25 s: a connection that died unseen is found within 30 s. */
  waitMs?: number
  /** Least time between two questions, however fast the answers come. Default 50 ms. */
  minIntervalMs?: number
  /**
   * Questions that may follow each other at once, as when changes come. Past these there is one each `refillMs` and a random tenth more: of
   * answers that do not wait, from a server or a proxy that does not know how, there are no more than that. Default 10 and 1 s.
   */
  burst?: number
  refillMs?: number
  /** The upper end of the pause after a failure, at first and in the end: `backoffMs` of libs/async. Default 200 ms, 10 s. */
  retryMs?: { readonly min: number; readonly max: number }
  /** 0 to 1. Default Math.random. */
  random?: () => number
}

/**
 * Asks again and again by Consul's rules for blocking queries: with the index of the answer before; from 0 again when the index
 * goes back or is not a positive number (the servers were restored or replaced), and after each failure.
 */
export const blockingQuery = <T>(options: BlockingQueryOptions<T>): Cancel => {
  const { ask, onValue, onFault, waitMs = 25_000, minIntervalMs = 50, random } = options
  const { burst = 10, refillMs = 1_000 } = options
  const { min, max } = options.retryMs ?? { min: 200, max: 10_000 }
  const stopped = new AbortController()
  let timer: NodeJS.Timeout | undefined
  let known: { readonly value: T } | undefined
  let index = '0'
  let failures = 0

  const allowedInMs = tokenBucket({ burst, refillMs, random })

  const later = (delayMs: number): void => {
    if (!stopped.signal.aborted) timer = setTimeout(() => void turn(), Math.max(delayMs, allowedInMs()))
  }

  const failed = (fault: unknown): void => {
    index = '0'
    failures += 1
    tell(onFault, fault)
    later(backoffMs(min, max, failures, random))
  }

  const turn = async (): Promise<void> => {
    const startedAt = performance.now()
    try {
      const answer = await ask({ index, waitMs, signal: stopped.signal })
      if (stopped.signal.aborted) return
      index = nextIndex(index, answer.index)
      if (known === undefined || failures > 0 || !isDeepStrictEqual(known.value, answer.value)) {
        onValue(answer.value)
        known = { value: answer.value }
      }
    } catch (fault) {
      if (!stopped.signal.aborted) failed(fault)
      return
    }
    failures = 0
    later(Math.max(0, minIntervalMs - (performance.now() - startedAt)))
  }

  later(0)
  return () => {
    stopped.abort()
    clearTimeout(timer)
  }
}

/** The index of the next question. */
export const nextIndex = (before: string, now: string): string => {
  const fits = /^\d+$/.test(now) && BigInt(now) > 0n && BigInt(now) >= BigInt(before)
  return fits ? now : '0'
}

/** Takes a token at each call, and tells when it may be used, in milliseconds from now. It holds `burst` at first and at most. */
const tokenBucket = ({
  burst,
  refillMs,
  random,
}: {
  burst: number
  refillMs: number
  random: (() => number) | undefined
}) => {
  let tokens = burst
  let countedAt = performance.now()
  return (): number => {
    const now = performance.now()
    tokens = Math.min(burst, tokens + (now - countedAt) / refillMs) - 1
    countedAt = now
    const dueInMs = -tokens * refillMs
    return dueInMs <= 0 ? 0 : jitterMs(dueInMs, 1.1 * dueInMs, random)
  }
}
