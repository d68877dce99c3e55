import { eventsFile } from './events-file.ts'
import type { Connection, ServiceSpec } from './spec.ts'

/** Text by path in the folder of the app. */
export type Files = Readonly<Record<string, string>>

/** The files that every service has, whatever its options. */
export const sourceFiles = (spec: ServiceSpec): Files => ({
  'vitest.config.ts': vitestConfig,
  'src/main.ts': main(spec),
  'src/config.ts': config(spec),
  'src/entry.ts': entry,
  'src/accept.ts': accept(spec),
  [`src/${spec.name}-metrics.ts`]: metrics(spec),
  ...(spec.connections.length > 0 ? { 'src/events.ts': eventsFile(spec) } : {}),
  ...(spec.consumes.length > 0 ? { 'src/handlers.ts': handlers(spec) } : {}),
})

/** The vitest.config.ts of an app: what its tests need of servers is started once for all of them. */
export const vitestConfig = `import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    passWithNoTests: false,
    globalSetup: '@armature/servers/global-setup',
  },
})
`

const main = ({ name, camel, api }: ServiceSpec): string => `#!/usr/bin/env node
import { consulKv } from '@armature/discovery/consul-kv'
${api === 'grpc' ? '' : "import { registerAdmin } from '@armature/discovery/registrar'\n"}import { run } from '@armature/service/run'
import { type Config, settings } from './config.ts'
import { ${camel}, realEdges } from './service.ts'

const service = (config: Config) => ${camel}(config, realEdges(config))
await run({ name: '${name}', settings, service, kv: consulKv${api === 'grpc' ? '' : ', registerAdmin'} })
`

const config = (spec: ServiceSpec): string => {
  const { name, api, store, connections, consumes } = spec
  const [first, ...others] = connections
  const shared = [
    'commonSettings',
    ...(first ? ['messagingSettings'] : []),
    ...(store === 'postgres' ? ['databaseSettings'] : []),
  ]
  const kinds = [...(others.length > 0 ? ['brokerUrl'] : []), ...(api === 'none' ? [] : ['host', 'port'])]
  return `import * as z from 'zod'
import { ${shared.sort().join(', ')} } from '@armature/config/common'
import { consulSettings, kvSettings, registrationSettings } from '@armature/config/consul'
${kinds.length > 0 ? `import { ${kinds.join(', ')} } from '@armature/config/settings'\n` : ''}${
    consumes.length > 0 ? "import { consumerSettings } from '@armature/consumer/consumer-settings'\n" : ''
  }
export const settings = z.object({
  ${shared.map((group) => `...${group},`).join('\n  ')}
  ...consulSettings,
  ...kvSettings,
  ...registrationSettings,
${consumes.length > 0 ? `  ...consumerSettings('${name}'),\n` : ''}${others.map(brokerSetting).join('')}${portSettings[api]}})

export type Config = Readonly<z.infer<typeof settings>>
`
}

const brokerSetting = ({ setting, consumes, publishes }: Connection): string => {
  const topics = [...consumes, ...publishes].join(', ')
  return `  ${setting}: brokerUrl()
    .default('memory:')
    .meta({ description: 'Broker of ${topics} (memory: reaches this process only)', secret: true }),
`
}

const portSettings = {
  none: '',
  grpc: `  grpcHost: host().default('127.0.0.1').meta({ description: 'Address of the gRPC server' }),
  grpcPort: port().default(0).meta({ description: 'Port of the gRPC server (0 = any free one)' }),
`,
  http: `  apiHost: host().default('127.0.0.1').meta({ description: 'Address of the HTTP API' }),
  apiPort: port().default(0).meta({ description: 'Port of the HTTP API (0 = any free one)' }),
`,
} as const

const entry = `import * as z from 'zod'

const accepts = 'is not 1 to 100 letters, digits and . : @ _ -'

/** The id of an entry. */
export const entryId = z.string().regex(/^[\\w.:@-]{1,100}$/, { error: accepts })

/** An entry as others send it. What it holds beside its id is kept as it is. */
export const entry = z.looseObject({ id: entryId })
export type Entry = z.infer<typeof entry>
`

const accept = ({ camel, snake, name, publishes }: ServiceSpec): string => {
  const publishing = publishes.length > 0
  return `import type { Metrics } from '@armature/telemetry/metrics'
import { ${camel}Metrics } from './${name}-metrics.ts'
import type { Entry } from './entry.ts'
import type { Saved, Store } from './store.ts'

/** Takes an entry, whichever way it came. */
export type Accept = (entry: Entry, signal?: AbortSignal) => Promise<Saved>

export interface AcceptOptions {
  readonly store: Store
  readonly metrics: Metrics
${publishing ? '  /** Resolves when the brokers hold the entry. */\n  readonly publish: (entry: Entry) => Promise<void>\n' : ''}}

/** Keeps each entry once${publishing ? ', and publishes it then' : ''}. The same entry may come again, with the same effect. */
export const createAccept =
  ({ store, metrics${publishing ? ', publish' : ''} }: AcceptOptions): Accept =>
  async (entry, signal) => {
    const saved = await store.save(entry, signal)
    metrics.count(${camel}Metrics.${snake}_entries_total, 1, { outcome: saved })
${publishing ? "    // One that was known may not have been published the first time.\n    if (saved !== 'conflict') await publish(entry)\n" : ''}    return saved
  }
`
}

const metrics = ({ camel, snake }: ServiceSpec): string => `import { defineMetrics } from '@armature/telemetry/metric'

/** What comes in. */
export const ${camel}Metrics = defineMetrics({
  ${snake}_entries_total: {
    kind: 'counter',
    unit: '{entry}',
    help: 'Entries that came in, by outcome: new, known or conflict',
    labels: ['outcome'],
  },
})
`

const handlers = ({ connections, store }: ServiceSpec): string => {
  const consuming = connections.filter(({ consumes }) => consumes.length > 0)
  const hasDatabase = store === 'postgres'
  const lists = consuming.map(
    ({ broker }) =>
      `    ${broker}: taken.${broker}.map(({ name, topic, schema }) => on(topic, { name, schema, ...options }, handle)),`,
  )
  return `import type { Clock } from '@armature/async/clock'
${hasDatabase ? "import { circuitBreaker } from '@armature/messaging/circuit-breaker'\n" : ''}import { UnrecoverableError } from '@armature/messaging/errors'
import { on, type React, type Registration } from '@armature/messaging/on'
import type { Logger } from '@armature/telemetry/logger'
import type { Accept } from './accept.ts'
import type { Entry } from './entry.ts'
import { taken } from './events.ts'

export interface HandlerTools {
  readonly accept: Accept
  readonly clock: Clock
  readonly log: Logger
}

/** The handlers by their broker. They take each message as an entry; one that conflicts with what is kept is dead-lettered. */
export const handlers = ({ accept${hasDatabase ? ', clock, log' : ''} }: HandlerTools) => {
${
  hasDatabase
    ? `  // A checked entry is at no fault: where it cannot be stored, the database is away, and entries wait for it.
  const middleware = circuitBreaker({
    failures: 1,
    clock,
    onChange: (circuit) => log.warn({ circuit }, 'entries wait for the database while the circuit is open'),
  })
`
    : ''
}  const options = { from: 'earliest', retry: { maxAttempts: 3 }${hasDatabase ? ', middleware' : ''} } as const
  const handle: React<Entry> = async ({ data, signal }) => {
    if ((await accept(data, signal)) === 'conflict')
      throw new UnrecoverableError('entry-conflict', \`another entry has the id \${data.id}\`)
  }
  return {
${lists.join('\n')}
  } satisfies Record<string, readonly Registration[]>
}
`
}
