import { setTimeout as pause } from 'node:timers/promises'
import { systemClock } from '@armature/async/clock'
import { consulSettings } from '@armature/config/consul'
import { decimal, durationMs, integer, text } from '@armature/config/settings'
import { createClientTarget } from '@armature/discovery/client-target'
import { createConsulClient } from '@armature/discovery/consul-client'
import { createSearchClient } from '@armature/search-api/client'
import { command } from '@armature/service/command'
import { exitCodes } from '@armature/service/exit-codes'
import * as z from 'zod'
import { again } from './again.ts'
import { steadyCalls } from './steady-calls.ts'

const settings = z.object({
  ...consulSettings,
  address: text()
    .default('consul:///search-service')
    .meta({ description: 'The server: HOST:PORT, consul:///SERVICE, srv:///NAME', env: 'SEARCH_ADDRESS' }),
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
})

/**
 * `armature-probe calls`: calls search-service at a steady rate until it is stopped, as a client of it does, and prints what came of the calls as one
 * JSON object. They begin once a first call has succeeded. Exits with 0 if none failed, else with 69.
 */
export const callsCommand = command({
  summary: 'Call search-service at a steady rate until stopped, and print what came of it as JSON',
  settings,
  run: async (asked, { stdout, stderr, signal }) => {
    const { consulHttpAddr, address, rate, seconds, maxUnderWay, timeoutMs, withinMs } = asked
    const consul = consulHttpAddr === undefined ? undefined : createConsulClient({ ...asked, consulHttpAddr })
    const { target, options } = createClientTarget(address, { consul })
    const client = createSearchClient(target, { deadlineMs: timeoutMs, channel: options })
    const call = (number: number) => client.search({ point: pointOf(number), page_size: 1 })
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
    client.close()
    consul?.close()
    stdout.write(`${JSON.stringify(counts)}\n`)
    return counts.failed === 0 ? exitCodes.ok : exitCodes.unavailable
  },
})

/** Points all over the world, the same in each run. */
const pointOf = (number: number) => ({ lat: ((number * 37) % 150) - 75, lng: ((number * 101) % 360) - 180 })
