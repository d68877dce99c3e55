import { drivenClock } from '@armature/async/clock'
import { createLedger } from '@armature/telemetry/ledger'
import { testTelemetry } from '@armature/telemetry/telemetry'
import { expect, test, vi } from 'vitest'
import { dropCounter } from './drop-counter.ts'

test('books every line at once and warns at most once a second, with the number of lines since', async () => {
  const clock = drivenClock()
  const telemetry = testTelemetry('log-shipper')
  const warn = vi.spyOn(telemetry.log, 'warn')
  const ledger = createLedger({ stage: 'log-shipper', inFlight: () => 0 })
  const drop = dropCounter({ clock, telemetry, ledger })
  for (let index = 0; index < 10; index++) drop(2)
  expect(ledger.snapshot().dropped).toEqual({ 'spool-full': 20 })
  expect(warn.mock.calls.map(([fields]) => fields)).toEqual([{ lines: 2 }])
  await clock.advance(999)
  expect(warn).toHaveBeenCalledTimes(1)
  await clock.advance(1)
  expect(warn.mock.calls.at(-1)?.[0]).toEqual({ lines: 18 })
  await clock.advance(5_000)
  expect(warn).toHaveBeenCalledTimes(2)
  drop(1)
  expect(warn).toHaveBeenCalledTimes(3)
})
