import { settings as aggregatorSettings } from '@armature/aggregator/config'
import { aggregator } from '@armature/aggregator/service'
import { settings as monitorSettings } from '@armature/alert-monitor/config'
import { alertMonitor } from '@armature/alert-monitor/service'
import type { Database } from '@armature/database/database'
import { systemClock } from '@armature/async/clock'
import { memoryBroker } from '@armature/messaging-memory/broker'
import type { Driver } from '@armature/messaging/ports'
import { settings as reactorSettings } from '@armature/reactor/config'
import { reactor } from '@armature/reactor/service'
import type { Service } from '@armature/service/service'
import { testTelemetry } from '@armature/telemetry/telemetry'
import { expect, test, vi } from 'vitest'

const clock = systemClock()
type OpenMessaging = () => Promise<Driver>

const services: Readonly<Record<string, (openMessaging: OpenMessaging) => Service>> = {
  aggregator: (openMessaging) =>
    aggregator(aggregatorSettings.parse({}), {
      telemetry: testTelemetry('aggregator'),
      clock,
      openMessaging,
      openDatabase: async () => ({ close: async () => undefined }) as Database,
      openSink: async () => ({ write: async () => [], check: async () => undefined }),
    }),
  'alert-monitor': (openMessaging) =>
    alertMonitor(monitorSettings.parse({}), { telemetry: testTelemetry('alert-monitor'), clock, openMessaging }),
  reactor: (openMessaging) =>
    reactor(reactorSettings.parse({}), { telemetry: testTelemetry('reactor'), clock, openMessaging }),
}

test.each(Object.entries(services))(
  'bug: a stop of %s while the broker was away waited for the whole deadline',
  async (_, open) => {
    const opening = Promise.withResolvers<Driver>()
    const service = open(() => opening.promise)
    const stopping = new AbortController()
    const starting = service.start(stopping.signal)
    stopping.abort()
    await expect(starting).rejects.toThrow('stopped while the broker was opened')
    await service.close()
    const driver = memoryBroker().connect()
    const closed = vi.spyOn(driver, 'close')
    opening.resolve(driver)
    await vi.waitFor(() => expect(closed).toHaveBeenCalledOnce(), { timeout: 10_000 })
  },
)
