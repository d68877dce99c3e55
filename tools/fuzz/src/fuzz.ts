import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import type { Decoder } from './decoder.ts'

export interface FuzzOptions {
  /** Inputs. */
  readonly runs: number
  /** The same seed makes the same inputs. */
  readonly seed: number
  /** Called before each input. */
  readonly onInput?: () => void
  readonly signal?: AbortSignal
}

export interface FuzzResult {
  /** Inputs that were checked. */
  readonly runs: number
  /** The longest that one input took. */
  readonly slowestMs: number
  /** The smallest input found for which the check fails, and how; undefined = none. */
  readonly failure?: string
}

/** Inputs between two turns of the event loop, so that signals are heard. */
const inputsPerTurn = 500

/** Gives the decoder inputs until one fails, all are checked or the signal is aborted. */
export const fuzz = async ({ inputs, check }: Decoder, options: FuzzOptions): Promise<FuzzResult> => {
  const { runs, seed, onInput, signal } = options
  let [count, slowestMs] = [0, 0]
  const property = fc.asyncProperty(inputs, async (input) => {
    if (signal?.aborted === true) return
    if (++count % inputsPerTurn === 0) await turn()
    onInput?.()
    const startedMs = performance.now()
    await check(input)
    slowestMs = Math.max(slowestMs, performance.now() - startedMs)
  })
  const details = await fc.check(property, { numRuns: runs, seed })
  const failure = details.failed ? fc.defaultReportMessage(details) : undefined
  return { runs: Math.min(count, runs), slowestMs, ...(failure !== undefined && { failure }) }
}
