import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { serverDeadlineMs, skipped } from '@armature/servers/fixture'
import { startKafka } from '@armature/servers/kafka'
import { startNats } from '@armature/servers/nats'
import { startRabbitmq } from '@armature/servers/rabbitmq'
import { startRedis } from '@armature/servers/redis'
import { brokerNotReady } from '@armature/messaging/broker-readiness'
import { drivenClock } from '@armature/async/clock'
import { openDriver } from '../src/open.ts'

const servers = [
  ['kafka', 'kafka', startKafka],
  ['amqp', 'rabbitmq', startRabbitmq],
  ['nats', 'nats', startNats],
  ['jetstream', 'nats', startNats],
  ['redis', 'redis', startRedis],
  ['redis-streams', 'redis', startRedis],
] as const

describe.each(servers)('a broker that is gone: %s', (scheme, name, startServer) => {
  test.skipIf(skipped(name))(
    'bug: readiness did not know: it is denied 15 s after the broker was killed, and given when it is back',
    async () => {
      const server = await startServer()
      onTestFinished(() => server.stop())
      const clock = drivenClock()
      const url = server.url.replace(/^[a-z-]+:/, `${scheme}:`)
      const driver = await openDriver(url, { clock, warn: () => undefined })
      onTestFinished(() => driver.close())
      const checks = () => brokerNotReady(driver).map(({ check }) => check)
      /** A second by the driver's clock, which has no other use here. */
      const second = () => clock.advance(1_000)

      await second()
      await vi.waitFor(() => expect(driver.health()).toEqual({ lostMs: 0, unreadable: [] }))
      await server.crash()
      await vi.waitFor(
        async () => {
          await second()
          expect(driver.health().lostMs).toBeGreaterThan(0)
        },
        { timeout: 30_000, interval: 50 },
      )
      expect(checks()).toEqual([])
      await vi.waitFor(
        async () => {
          await second()
          expect(checks()).toEqual(['broker'])
        },
        { timeout: 30_000, interval: 50 },
      )
      expect(driver.health().lostMs).toBeLessThan(17_000)
      await server.restart()
      await vi.waitFor(
        async () => {
          await second()
          expect(driver.health().lostMs).toBe(0)
        },
        { timeout: 60_000, interval: 100 },
      )
      expect(checks()).toEqual([])
    },
    serverDeadlineMs,
  )
})
