import { isDeepStrictEqual } from 'node:util'
import type { Answer, Blocking } from './consul-client.ts'
import type { Cancel } from './ports.ts'

export interface BlockingQueryOptions<T> {
  /** One question. */
  ask: (options: Required<Blocking>) => Promise<Answer<T>>
  /** Told of the first answer, of each one that differs from the one before, and of the first one after a failure. */
  onValue: (value: T) => void
  /** Told of each failure; the query goes on. */
  onFault?: ((fault: unknown) => void) | undefined
  /** How long an answer may wait for a change. Default 25 s: a connection that died unseen is found within 30 s. */
  waitMs?: number
  /** Least time between two questions, however fast the answers come. Default 50 ms. */
  minIntervalMs?: number
  /** Between failures the pause grows from the first to the second, each time a random part of it. Default 200 ms, 10 s. */
  retryMs?: { readonly min: number; readonly max: number }
  /** 0 to 1. Default Math.random. */
  random?: () => number
}

/**
 * Asks again and again by Consul's rules for blocking queries: with the index of the answer before; from 0 again when the index
 * goes back or is not a positive number (the servers were restored or replaced), and after each failure.
 */
export const blockingQuery = <T>(options: BlockingQueryOptions<T>): Cancel => {
  const { ask, onValue, onFault, waitMs = 25_000, minIntervalMs = 50, random = Math.random } = options
  const { min, max } = options.retryMs ?? { min: 200, max: 10_000 }
  const stopped = new AbortController()
  let timer: NodeJS.Timeout | undefined
  let known: { readonly value: T } | undefined
  let index = '0'
  let failures = 0

  const later = (delayMs: number): void => {
    if (!stopped.signal.aborted) timer = setTimeout(() => void turn(), delayMs)
  }

  const turn = async (): Promise<void> => {
    const startedAt = performance.now()
    let answer: Answer<T>
    try {
      answer = await ask({ index, waitMs, signal: stopped.signal })
    } catch (fault) {
      if (stopped.signal.aborted) return
      index = '0'
      const pauseMs = Math.min(max, min * 2 ** Math.min(failures, 20))
      failures += 1
      onFault?.(fault)
      return later(pauseMs * (0.5 + random() / 2))
    }
    if (stopped.signal.aborted) return
    index = nextIndex(index, answer.index)
    if (known === undefined || failures > 0 || !isDeepStrictEqual(known.value, answer.value)) {
      known = { value: answer.value }
      onValue(answer.value)
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
