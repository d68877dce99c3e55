import { setTimeout as pause } from 'node:timers/promises'
import type { Writable } from 'node:stream'
import { describeError } from '@armature/service/faults'

/** What a look finds: what is wanted, or why it is not there yet. */
export type Look<Found> = { readonly found: Found } | { readonly notYet: string }

const betweenLooksMs = 300

/**
 * Looks again and again until it finds what is wanted. A look that throws has not found it yet, since a server may be starting; unless it
 * is `hopeless`, then this rejects with its error. Rejects with the last reason when the signal is aborted.
 */
export const eventually = async <Found>(
  look: () => Promise<Look<Found>>,
  signal: AbortSignal,
  hopeless: (error: unknown) => boolean = () => false,
): Promise<Found> => {
  let reason: string | undefined
  while (!signal.aborted) {
    const seen = await look().catch((error: unknown): Look<Found> => {
      if (hopeless(error)) throw error
      return { notYet: describeError(error) }
    })
    if ('found' in seen) return seen.found
    // A look that the end of the time cut short says less than the one before it.
    if (!signal.aborted || reason === undefined) reason = seen.notYet
    await pause(betweenLooksMs, undefined, { signal }).catch(() => undefined)
  }
  throw new Error(reason ?? 'there was no time left')
}

/** Runs steps and prints a line for each: its outcome, the time it took, and what was found or why not. */
export interface Steps {
  /** The result of the work; undefined when it failed. Never rejects. */
  step<Result extends { readonly said: string }>(name: string, work: () => Promise<Result>): Promise<Result | undefined>
  /** A step that cannot be run. */
  skip(name: string, reason: string): void
  readonly passed: number
  readonly failed: number
}

const nameWidth = 18

export const createSteps = (stdout: Writable, nowMs: () => number = () => performance.now()): Steps => {
  const counts = { passed: 0, failed: 0 }
  const line = (outcome: string, name: string, time: string, said: string) =>
    stdout.write(
      `${outcome.padEnd(4)}  ${name.padEnd(nameWidth)}  ${time.padStart(8)}  ${said.replaceAll(/\s+/g, ' ')}\n`,
    )
  return {
    step: async (name, work) => {
      const startedMs = nowMs()
      const time = () => `${((nowMs() - startedMs) / 1_000).toFixed(1)} s`
      try {
        const result = await work()
        counts.passed += 1
        line('ok', name, time(), result.said)
        return result
      } catch (error) {
        counts.failed += 1
        line('FAIL', name, time(), describeError(error))
        return undefined
      }
    },
    skip: (name, reason) => void line('skip', name, '', reason),
    get passed() {
      return counts.passed
    },
    get failed() {
      return counts.failed
    },
  }
}
