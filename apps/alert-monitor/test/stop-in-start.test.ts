import { systemClock } from '@armature/messaging/clock'
import { memoryBroker } from '@armature/messaging/memory'
import type { Driver } from '@armature/messaging/ports'
import { testTelemetry } from '@armature/telemetry/telemetry'
import { expect, test, vi } from 'vitest'
import { settings } from '../src/config.ts'
import { alertMonitor } from '../src/service.ts'

test('bug: a stop while the broker was away waited for the whole deadline', async () => {
  const opening = Promise.withResolvers<Driver>()
  const monitor = alertMonitor(settings.parse({}), {
    ...{ telemetry: testTelemetry('alert-monitor'), clock: systemClock(), openMessaging: () => opening.promise },
  })
  const stopping = new AbortController()
  const starting = monitor.start(stopping.signal)
  stopping.abort()
  await expect(starting).rejects.toThrow('stopped while the broker was opened')
  await monitor.close()
  const driver = memoryBroker().connect()
  const closed = vi.spyOn(driver, 'close')
  opening.resolve(driver)
  await vi.waitFor(() => expect(closed).toHaveBeenCalledOnce())
})
