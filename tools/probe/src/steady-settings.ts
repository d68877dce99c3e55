import { setTimeout as pause } from 'node:timers/promises'
import { systemClock } from '@armature/async/clock'
import { decimal, durationMs, integer } from '@armature/config/settings'
import type { CommandIo } from '@armature/service/command'
import { exitCodes } from '@armature/service/exit-codes'
import { again } from './again.ts'
import { steadyCalls } from './steady-calls.ts'

/** The settings of commands that call at a steady rate. */
export const steadySettings = {
  rate: decimal({ min: 0.1, max: 100_000 }).default(200).meta({ description: 'Calls a second', env: 'PROBE_RATE' }),
  seconds: decimal({ min: 0.1, max: 86_400 })
    .default(86_400)
    .meta({ description: 'How long to call, in seconds; a signal ends it sooner', env: 'PROBE_SECONDS' }),
  maxUnderWay: integer({ min: 1, max: 10_000 })
    .default(500)
    .meta({ description: 'Calls that wait for their answer at once', env: 'PROBE_MAX_UNDER_WAY' }),
  timeoutMs: durationMs({ min: 1 })
    .default(10_000)
    .meta({ description: 'Timeout of one call, in milliseconds', flag: 'timeout', env: 'PROBE_TIMEOUT_MS' }),
  withinMs: durationMs({ min: 1 }).default(30_000).meta({
    description: 'How long the first call may fail, in milliseconds; it does not count',
    flag: 'within',
    env: 'PROBE_WITHIN_MS',
  }),
}

interface Steadiness {
  readonly address: string
  readonly rate: number
  readonly seconds: number
  readonly maxUnderWay: number
  readonly withinMs: number
}

/**
 * Calls at the rate that is asked for, once a first call has succeeded, until the time is over or the signal is aborted. Prints what came of
 * the calls as one JSON object. Resolves with 0 if none failed, else with 69.
 */
export const steadily = async (
  call: (number: number) => Promise<unknown>,
  { address, rate, seconds, maxUnderWay, withinMs }: Steadiness,
  { stdout, stderr, signal }: Pick<CommandIo, 'stdout' | 'stderr' | 'signal'>,
): Promise<number> => {
  await again(() => call(0), withinMs, signal)
  stderr.write(`calls ${address} ${rate} times a second\n`)
  const counts = await steadyCalls({
    perSecond: rate,
    maxUnderWay,
    clock: systemClock(),
    pause: (delayMs, stopped) => pause(delayMs, undefined, { signal: stopped }),
    signal: AbortSignal.any([signal, AbortSignal.timeout(seconds * 1_000)]),
    call,
  })
  stdout.write(`${JSON.stringify(counts)}\n`)
  return counts.failed === 0 ? exitCodes.ok : exitCodes.unavailable
}
