import type { Clock } from '@armature/async/clock'

export interface SteadyCallsOptions {
  readonly perSecond: number
  /** Begins no further call. */
  readonly signal: AbortSignal
  /** Calls that wait for their answer at once; further ones begin late. */
  readonly maxUnderWay: number
  readonly clock: Pick<Clock, 'now'>
  /** Resolves after `delayMs`, or rejects when the signal is aborted. */
  readonly pause: (delayMs: number, signal: AbortSignal) => Promise<unknown>
  readonly call: (number: number) => Promise<unknown>
}

export interface CallCounts {
  readonly calls: number
  readonly failed: number
  /** The reasons of failed calls, how often each; at most 20 different ones. */
  readonly failures: Readonly<Record<string, number>>
  readonly p50Ms: number
  readonly p99Ms: number
  readonly longestMs: number
}

const maxReasons = 20
const tickMs = 10

/** Calls at a steady rate, whatever the answers take (an open loop), until the signal; resolves when all have been answered. */
export const steadyCalls = async (options: SteadyCallsOptions): Promise<CallCounts> => {
  const { perSecond, signal, maxUnderWay, clock, pause } = options
  const startedMs = clock.now()
  const latencies: number[] = []
  const failures: Record<string, number> = {}
  const underWay = new Set<Promise<void>>()
  let [calls, failed] = [0, 0]

  const one = async (number: number) => {
    const begunMs = clock.now()
    try {
      await options.call(number)
    } catch (error) {
      failed += 1
      const reason = error instanceof Error ? error.message : String(error)
      if (reason in failures || Object.keys(failures).length < maxReasons)
        failures[reason] = (failures[reason] ?? 0) + 1
    }
    latencies.push(clock.now() - begunMs)
  }

  while (!signal.aborted) {
    const due = Math.floor(((clock.now() - startedMs) * perSecond) / 1_000)
    while (calls < due && underWay.size < maxUnderWay) {
      const calling = one(calls).finally(() => underWay.delete(calling))
      underWay.add(calling)
      calls += 1
    }
    await pause(tickMs, signal).catch(() => undefined)
  }
  await Promise.all(underWay)
  latencies.sort((a, b) => a - b)
  const quantile = (part: number) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * part))] ?? 0
  return { calls, failed, failures, p50Ms: quantile(0.5), p99Ms: quantile(0.99), longestMs: quantile(1) }
}
