import * as z from 'zod'
import { vi } from 'vitest'
import { consulSettings } from '../src/consul.ts'
import type { KvValues } from '../src/kv-source.ts'
import type { LastGood } from '../src/last-good.ts'
import { settingsReader } from '../src/load.ts'
import { type ColdChanges, type KvEvent, type LiveHooks, openLiveConfig } from '../src/live-config.ts'
import { choice, integer, text } from '../src/settings.ts'
import { scriptedKv } from './scripted-kv.ts'

export const settings = z.object({
  ...consulSettings,
  logLevel: choice(['info', 'debug']).default('info').meta({ hot: true }),
  maxInFlight: integer({ min: 1, max: 100 }).default(10),
  least: integer().default(0),
  password: text().default('none').meta({ secret: true }),
  zone: text().optional(),
})
type Config = z.infer<typeof settings>

const prefixes = ['config/application/', 'config/search/']

/** A last good file in memory. */
export const file = (held?: KvValues): LastGood & { writes: KvValues[] } => {
  const writes: KvValues[] = held === undefined ? [] : [held]
  return { path: 'x', writes, read: () => writes.at(-1), write: (values) => void writes.push(values) }
}

/** Live settings over a scripted KV; the caller fakes the timers. `begin` follows with `hooks`, which keep the events. */
export const open = async ({
  application = {},
  service,
  kept = file(),
  argv = [],
  env = {},
  schema = settings,
  coldChanges,
  signal,
}: {
  application?: KvValues
  service?: KvValues
  kept?: LastGood
  argv?: readonly string[]
  env?: Readonly<Record<string, string>>
  schema?: typeof settings
  coldChanges?: ColdChanges
  signal?: AbortSignal
}) => {
  const kv = scriptedKv()
  kv.set(prefixes[0] ?? '', application)
  if (service !== undefined) kv.set(prefixes[1] ?? '', service)
  const opening = openLiveConfig({
    settings: schema,
    reader: settingsReader({ name: 'search', settings: schema, argv, env }),
    source: kv.source,
    prefixes,
    lastGood: kept,
    startMs: 3_000,
    quietMs: 100,
    splayMs: 1_000,
    random: () => 0.5,
    ...(coldChanges && { coldChanges }),
    ...(signal && { signal }),
  })
  opening.catch(() => undefined)
  await vi.advanceTimersByTimeAsync(signal === undefined ? 3_000 : 0)
  const live = await opening
  const events: KvEvent[] = []
  const hooks = {
    onHot: vi.fn<LiveHooks<Config>['onHot']>(),
    onRestart: vi.fn<LiveHooks<Config>['onRestart']>(),
    onEvent: (event: KvEvent) => void events.push(event),
  }
  const begin = () => {
    const { config } = live.begin()
    live.follow(hooks)
    return config
  }
  const set = async (values: KvValues) => {
    kv.set(prefixes[1] ?? '', values)
    await vi.advanceTimersByTimeAsync(100)
  }
  const rejected = () =>
    events.flatMap((event) => (event.kind === 'rejected' ? event.faults.map(({ key }) => key) : []))
  return { live, kv, begin, set, hooks, events, rejected }
}
