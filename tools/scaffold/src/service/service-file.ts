import type { Connection, ServiceSpec } from './spec.ts'

/** service.ts: the composition root. */
export const serviceFile = (spec: ServiceSpec): string => {
  const { name, camel, pascal, api, store } = spec
  return `${imports(spec)}
const name = '${name}'

/** The edges of the service: its connections to the outside. */
export interface Edges {
  readonly telemetry: Telemetry
${spec.consumes.length > 0 ? '  readonly clock: Clock\n' : ''}${spec.connections
    .map(({ open, broker }) => `  /** ${broker} */\n  readonly ${open}: () => Promise<Driver>\n`)
    .join('')}${store === 'postgres' ? '  readonly openDatabase: () => Promise<Database>\n' : ''}${
    api === 'grpc'
      ? '  /** Tells others where the service is. Without one nobody is told. */\n  readonly registrar?: Registrar | undefined\n'
      : ''
  }}

${realEdges(spec)}
export interface ${pascal} extends Service {
  readonly store: Store
}

/** ${spec.description}. */
export const ${camel} = (config: Config, edges: Edges): ${pascal} => {
  const { telemetry${spec.consumes.length > 0 ? ', clock' : ''} } = edges
  const { ${spec.consumes.length > 0 || api === 'grpc' ? 'log, ' : ''}metrics } = telemetry
  const store = createStore(${store === 'postgres' ? 'edges.openDatabase' : ''})
${publishing(spec)}  const accept = createAccept({ store, metrics${spec.publishes.length > 0 ? ', publish' : ''} })
${consuming(spec)}${apiPart(spec)}  const parts: readonly Part[] = [${partsOf(spec).join(', ')}]
  const service = combine(name, telemetry, parts)
  return Object.assign(service, { store })
}
`
}

const producers = ({ connections }: ServiceSpec): readonly Connection[] =>
  connections.filter(({ publishes }) => publishes.length > 0)
const consumers = ({ connections }: ServiceSpec): readonly Connection[] =>
  connections.filter(({ consumes }) => consumes.length > 0)

/** What a part uses stands before it, and closes after it. */
const partsOf = (spec: ServiceSpec): readonly string[] => [
  'store',
  ...producers(spec).map(({ broker }) => `${broker}Publisher`),
  ...consumers(spec).map(({ broker }) => `${broker}Consumer`),
  ...(spec.api === 'none' ? [] : ['api']),
]

const imports = (spec: ServiceSpec): string => {
  const { api, store } = spec
  const [hasBroker, hasProducer, hasConsumer] = [spec.connections, producers(spec), consumers(spec)].map(
    ({ length }) => length > 0,
  )
  const lines: readonly (readonly [boolean | undefined, string])[] = [
    [hasConsumer, "import { type Clock, systemClock } from '@armature/async/clock'"],
    [hasConsumer, "import { createConsumer } from '@armature/consumer/consumer'"],
    [hasProducer, "import { createPublisherPart } from '@armature/consumer/publisher-part'"],
    [store === 'postgres', "import type { Database } from '@armature/database/database'"],
    [store === 'postgres', "import { instrumented } from '@armature/database/instrumented'"],
    [store === 'postgres', "import { migratedTemplate } from '@armature/database/migrated-template'"],
    [store === 'postgres', "import { openDatabase } from '@armature/database/open'"],
    [api === 'grpc', "import type { Registrar } from '@armature/discovery/ports'"],
    [api === 'grpc', "import { createRegistrar } from '@armature/discovery/registrar'"],
    [hasProducer, "import { jsonMessage } from '@armature/messaging/message'"],
    [hasBroker, "import type { Driver } from '@armature/messaging/ports'"],
    [hasBroker, "import { openDriver } from '@armature/messaging-drivers/open'"],
    [true, "import { combine, type Part } from '@armature/service/combine'"],
    [api === 'grpc', "import { createGrpcPart } from '@armature/service/grpc-part'"],
    [api === 'http', "import { createHttpPart } from '@armature/service/http-part'"],
    [true, "import type { Service } from '@armature/service/service'"],
    [true, "import { createTelemetry, type Telemetry } from '@armature/telemetry/telemetry'"],
    [true, "import { createAccept } from './accept.ts'"],
    [api === 'grpc', "import { descriptorSet } from './api.ts'"],
    [true, "import type { Config } from './config.ts'"],
    [hasProducer, "import type { Entry } from './entry.ts'"],
    [hasProducer, "import { sent } from './events.ts'"],
    [hasConsumer, "import { handlers } from './handlers.ts'"],
    [api === 'grpc', "import { methods } from './methods.ts'"],
    [api === 'http', "import { routes } from './routes.ts'"],
    [true, `import { createStore, ${store === 'postgres' ? 'migrations, ' : ''}type Store } from './store.ts'`],
  ]
  return `${lines.flatMap(([isNeeded, line]) => (isNeeded ? [line] : [])).join('\n')}\n`
}

const realEdges = ({
  connections,
  consumes,
  store,
  api,
}: ServiceSpec): string => `/** The edges that the settings name. Nothing is opened yet but telemetry. */
export const realEdges = (config: Config): Edges => {
  const telemetry = createTelemetry({ service: name, config })
${
  connections.length > 0
    ? `  const openBroker = (url: string) => () =>
    openDriver(url, {
      source: \`/armature/\${name}\`,
      metrics: telemetry.metrics,
      warn: (problem) => telemetry.log.warn(problem),
    })
`
    : ''
}${store === 'postgres' ? '  const template = migratedTemplate(migrations)\n' : ''}  return {
    telemetry,
${consumes.length > 0 ? '    clock: systemClock(),\n' : ''}${connections
  .map(({ open, setting }) => `    ${open}: openBroker(config.${setting}),\n`)
  .join('')}${
  store === 'postgres'
    ? '    openDatabase: async () => instrumented(await openDatabase(config.databaseUrl, { template }), telemetry),\n'
    : ''
}${api === 'grpc' ? "    registrar: createRegistrar(config, telemetry, { check: 'grpc' }),\n" : ''}  }
}
`

const publishing = (spec: ServiceSpec): string => {
  const using = producers(spec)
  if (using.length === 0) return ''
  const open = using.map(
    ({ broker, open }) => `  const ${broker}Publisher = createPublisherPart(edges.${open}, telemetry)\n`,
  )
  const calls = using.map(
    ({ broker }) => `    for (const { topic } of sent.${broker})
      await ${broker}Publisher.publish(topic, [jsonMessage(topic, entry, { id: entry.id, key: entry.id })])
`,
  )
  return `${open.join('')}  const publish = async (entry: Entry): Promise<void> => {\n${calls.join('')}  }\n`
}

const consuming = (spec: ServiceSpec): string => {
  const using = consumers(spec)
  if (using.length === 0) return ''
  const consumerOf = ({ broker, setting, open }: Connection, index: number): string => {
    const stage = index === 0 ? 'name' : `name: \`\${name}-${broker}\``
    const config = setting === 'messagingUrl' ? 'config' : `config: { ...config, messagingUrl: config.${setting} }`
    const opened = open === 'openMessaging' ? 'edges' : `edges: { ...edges, openMessaging: edges.${open} }`
    return `  const ${broker}Consumer = createConsumer({ ${stage}, ${config}, ${opened}, handlers: handled.${broker} })\n`
  }
  return `  const handled = handlers({ accept, clock, log })\n${using.map(consumerOf).join('')}`
}

const apiPart = ({ api }: ServiceSpec): string => {
  if (api === 'none') return ''
  if (api === 'http')
    return '  const api = createHttpPart({ name, config, telemetry, answer: routes({ accept, store }) })\n'
  return `  const api = createGrpcPart({
    name,
    config,
    telemetry,
    services: methods({ accept, store, log }),
    descriptorSet,
    registrar: edges.registrar,
    ready: () => parts.every((part) => (part.notReady?.() ?? []).length === 0),
  })
`
}
