import { systemClock } from '@armature/async/clock'
import { withoutClose, type Database } from '@armature/database/database'
import { openEmbedded } from '@armature/database/embedded'
import { compose } from '@armature/messaging/compose'
import { delay } from '@armature/messaging/delay'
import { duplicate } from '@armature/messaging/duplicate'
import { message } from '@armature/messaging/message'
import type { Driver } from '@armature/messaging/ports'
import { randomFail } from '@armature/messaging/random-fail'
import { reorder } from '@armature/messaging/reorder'
import { memoryBroker } from '@armature/messaging-memory/broker'
import { imbalance } from '@armature/telemetry/ledger'
import { testTelemetry } from '@armature/telemetry/telemetry'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { settings } from '../src/config.ts'
import { openPostgresSink } from '../src/postgres-sink.ts'
import { aggregator } from '../src/service.ts'
import { storedEvents } from '../src/stored-events.ts'

let database: Database
beforeAll(async () => {
  database = await openEmbedded()
  await openPostgresSink(database)
}, 120_000)
afterAll(() => database.close(), 30_000)

/** The connection with deliveries that come late, in another order and again, and of which the broker hears the wrong outcome. */
const chaotic = (driver: Driver, seed: number): Driver => {
  const chaos = compose(
    delay({ maxMs: 20, seed }),
    reorder({ window: 20, maxHoldMs: 10, seed }),
    randomFail({ rate: 0.1, when: 'after', seed }),
    randomFail({ rate: 0.1, seed: seed + 1 }),
    duplicate({ rate: 0.2, copies: 2, seed }),
  )
  return { ...driver, subscribe: (topic, handle, options) => driver.subscribe(topic, chaos(handle), options) }
}

test.each([1, 2, 3])(
  'of what comes late, again, disordered and half acknowledged each is stored once: seed %i',
  async (seed) => {
    await database.query('truncate event')
    const broker = memoryBroker()
    const config = settings.parse({ completeCount: 20, completePeriodMs: 50, writeRetryDelayMs: 1 })
    const service = aggregator(config, {
      telemetry: testTelemetry('aggregator'),
      clock: systemClock(),
      openMessaging: async () => chaotic(broker.connect(), seed),
      openDatabase: async () => withoutClose(database),
      openSink: openPostgresSink,
    })
    try {
      await service.start()
      const messages = Array.from({ length: 500 }, (_, n) =>
        message('logs.a', `{"n":${n}}`, { id: `m${n}`, key: `k${n % 7}` }),
      )
      await broker.connect().publish('logs.a', messages)
      await vi.waitFor(() => expect(broker.books()).toMatchObject({ acked: 500, inFlight: 0 }), { timeout: 30_000 })
      expect(await storedEvents(database).count()).toBe(500)
      const rows = service.ledger()
      expect(rows.map(imbalance)).toEqual([0])
      expect(rows[0]?.received).toBeGreaterThan(500)
    } finally {
      await service.close()
    }
  },
  60_000,
)
