import type { HandlerTools } from '@armature/consumer/run'
import { migrate } from '@armature/database/migrate'
import { openDatabase } from '@armature/database/open'
import { circuitBreaker } from '@armature/messaging/circuit-breaker'
import { on, type Registration } from '@armature/messaging/on'
import { order } from './order.ts'
import { migrations, store } from './orders.ts'
import type { Config } from './settings.ts'

export const handlers = async ({
  config,
  clock,
  telemetry,
  onClose,
  stopping,
}: HandlerTools<Config>): Promise<Registration[]> => {
  const database = await openDatabase(config.databaseUrl)
  onClose(() => database.close())
  await migrate(database, migrations, { signal: stopping })
  // A checked order is at no fault: where it cannot be stored, the database is away, and orders wait for it.
  const middleware = circuitBreaker({
    failures: 1,
    clock,
    onChange: (circuit) => telemetry.log.warn({ circuit }, 'orders wait for the database while the circuit is open'),
  })
  const retry = { maxAttempts: 3 }
  const options = { name: 'store-order', schema: order, from: 'earliest', retry, middleware } as const
  return [on('orders', options, ({ data, signal }) => store(database, data, signal))]
}
