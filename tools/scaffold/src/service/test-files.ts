import type { Files } from './source-files.ts'
import { serverTest } from './server-test.ts'
import { concrete, type Place, type ServiceSpec } from './spec.ts'

/** The tests: in process over a broker and a database of the process itself, and of the process on real servers. */
export const testFiles = (spec: ServiceSpec): Files => ({
  'test/world.ts': world(spec),
  [`test/${spec.name}.test.ts`]: inProcess(spec),
  'test/servers.test.ts': serverTest(spec),
  ...(spec.api === 'grpc' ? { 'test/grpc-calls.ts': grpcCalls(spec) } : {}),
})

const world = ({ camel, connections, store, consumes, api, name }: ServiceSpec): string => {
  const brokerNames = connections.map(({ broker }) => broker)
  const usesBroker = brokerNames.length > 0
  const ports = { grpc: ', grpcPort: 0', http: ', apiPort: 0', none: '' }[api]
  return `${consumes.length > 0 ? "import { systemClock } from '@armature/async/clock'\n" : ''}${
    store === 'postgres'
      ? "import { openEmbedded } from '@armature/database/embedded'\nimport { migratedTemplate } from '@armature/database/migrated-template'\n"
      : ''
  }${usesBroker ? "import { memoryBroker } from '@armature/messaging-memory/broker'\n" : ''}import { imbalance } from '@armature/telemetry/ledger'
import { testTelemetry } from '@armature/telemetry/telemetry'
import { onTestFinished } from 'vitest'
import { settings } from '../src/config.ts'
import { ${camel} } from '../src/service.ts'
${store === 'postgres' ? "import { migrations } from '../src/store.ts'\n" : ''}
/** The service over brokers of this process. Closed with the test. */
export const openWorld = async () => {
  const telemetry = testTelemetry('${name}')
${brokerNames.map((broker) => `  const ${broker} = memoryBroker()\n`).join('')}  const service = ${camel}(settings.parse({ statsdPort: 0${ports} }), {
    telemetry,
${consumes.length > 0 ? '    clock: systemClock(),\n' : ''}${connections
    .map(({ open, broker }) => `    ${open}: () => Promise.resolve(${broker}.connect()),\n`)
    .join(
      '',
    )}${store === 'postgres' ? '    openDatabase: () => openEmbedded({ template: migratedTemplate(migrations) }),\n' : ''}  })
  onTestFinished(() => service.close())
  await service.start()
  return {
    service,
    metrics: telemetry.metrics,
${brokerNames.map((broker) => `    ${broker}: ${broker}.connect(),\n`).join('')}    imbalances: () => service.ledger().map(imbalance),
    address: () => service.addresses?.()[0]?.address ?? '',
  }
}
`
}

const inProcess = (spec: ServiceSpec): string => {
  const { camel, name, api, consumes, publishes, snake } = spec
  const usesBroker = consumes.length > 0
  const [first] = consumes
  const parts = [
    ...consumes.map((place) => consumeTest(place, spec)),
    ...(first ? [deadLetterTest(first)] : []),
    ...publishes.map((place) => publishTest(place, spec)),
    ...(api === 'grpc' ? [grpcTest] : []),
    ...(api === 'http' ? [httpTest] : []),
  ]
  return `${usesBroker ? "import { jsonMessage, message } from '@armature/messaging/message'\n" : publishes.length > 0 ? "import { bodyText } from '@armature/messaging/message'\n" : ''}${
    api === 'grpc' ? "import { status } from '@grpc/grpc-js'\n" : ''
  }import { expect, test } from 'vitest'
${usesBroker ? `import { ${camel}Metrics } from '../src/${name}-metrics.ts'\n` : ''}${
    api === 'grpc' ? "import { openCalls } from './grpc-calls.ts'\n" : ''
  }import { openWorld } from './world.ts'
${usesBroker ? `\nconst entriesTotal = ${camel}Metrics.${snake}_entries_total\n` : ''}
${parts.join('\n')}`.replace(
    'import { jsonMessage, message }',
    publishes.length > 0 && usesBroker
      ? 'import { bodyText, jsonMessage, message }'
      : 'import { jsonMessage, message }',
  )
}

const consumeTest = (
  { broker, topic }: Place,
  _spec: ServiceSpec,
): string => `test('entries of ${topic} at ${broker} are kept once each, however often they come', async () => {
  const { service, ${broker}, metrics, imbalances } = await openWorld()
  const entries = [{ id: 'a', cents: 1 }, { id: 'b' }, { id: 'a', cents: 1 }]
  await ${broker}.publish(
    '${concrete(topic)}',
    entries.map((entry) => jsonMessage('${concrete(topic)}', entry)),
  )
  await expect.poll(() => metrics.value(entriesTotal)).toBe(3)
  expect(metrics.value(entriesTotal, { outcome: 'known' })).toBe(1)
  expect(await service.store.find('a')).toEqual({ id: 'a', cents: 1 })
  await service.stopIntake?.()
  await service.finish?.()
  expect(imbalances().filter((each) => each !== 0)).toEqual([])
})
`

const deadLetterTest = ({
  broker,
  topic,
}: Place): string => `test('what is no entry, and what conflicts with one, goes to the dead letters', async () => {
  const { ${broker} } = await openWorld()
  const reasons: string[] = []
  await ${broker}.subscribe('${concrete(topic)}.DLT', async ({ headers }) => void reasons.push(headers['dlt-reason'] ?? ''))
  await ${broker}.publish('${concrete(topic)}', [
    message('${concrete(topic)}', '{'),
    jsonMessage('${concrete(topic)}', { id: '' }),
    jsonMessage('${concrete(topic)}', { id: 'a' }, { key: 'a' }),
    jsonMessage('${concrete(topic)}', { id: 'a', other: true }, { key: 'a' }),
  ])
  await expect.poll(() => reasons.toSorted()).toEqual(['entry-conflict', 'invalid-json', 'schema-mismatch'])
})
`

const publishTest = ({ broker, topic }: Place, { consumes, api }: ServiceSpec): string => {
  const [first] = consumes
  const put = first
    ? `await ${first.broker}.publish('${concrete(first.topic)}', [jsonMessage('${concrete(first.topic)}', { id: 'p' })])`
    : api === 'grpc'
      ? `await openCalls(address()).put({ id: 'p' })`
      : `await fetch(\`\${address()}/entries/p\`, { method: 'PUT', body: JSON.stringify({ id: 'p' }) })`
  const used = [...new Set([broker, ...(first ? [first.broker] : ['address'])])]
  return `test('an entry that is kept is published to ${topic} at ${broker}', async () => {
  const { ${used.join(', ')} } = await openWorld()
  const bodies: string[] = []
  await ${broker}.subscribe('${topic}', async (published) => void bodies.push(bodyText(published)))
  ${put}
  await expect.poll(() => bodies).toContain('{"id":"p"}')
})
`
}

const grpcTest = `test('the API keeps an entry once, finds it, and refuses what is wrong', async () => {
  const { address } = await openWorld()
  const { put, get } = openCalls(address())
  expect(await put({ id: 'g', cents: 1 })).toBe(true)
  expect(await put({ id: 'g', cents: 1 })).toBe(false)
  expect(await get('g')).toEqual({ id: 'g', cents: 1 })
  await expect(put({ id: 'g' })).rejects.toMatchObject({ code: status.ALREADY_EXISTS })
  await expect(put({ id: '' })).rejects.toMatchObject({ code: status.INVALID_ARGUMENT })
  await expect(put('{')).rejects.toMatchObject({ code: status.INVALID_ARGUMENT, details: 'entry_json: is no JSON' })
  await expect(get('nobody')).rejects.toMatchObject({ code: status.NOT_FOUND })
  await expect(get('')).rejects.toMatchObject({ code: status.INVALID_ARGUMENT })
})
`

const httpTest = `test('the API keeps an entry once, finds it, and refuses what is wrong', async () => {
  const { address } = await openWorld()
  const ask = (id: string, body?: string) =>
    fetch(\`\${address()}/entries/\${id}\`, body === undefined ? {} : { method: 'PUT', body })
  expect((await ask('h', '{"id":"h","cents":1}')).status).toBe(201)
  expect((await ask('h', '{"id":"h","cents":1}')).status).toBe(200)
  expect(await (await ask('h')).json()).toEqual({ id: 'h', cents: 1 })
  expect((await ask('h', '{"id":"h"}')).status).toBe(409)
  expect((await ask('h', '{"id":"other"}')).status).toBe(400)
  expect((await ask('h', '{')).status).toBe(400)
  expect((await ask('h', 'x'.repeat(16 * 1024 * 1024))).status).toBe(413)
  expect((await ask('nobody')).status).toBe(404)
  expect((await ask('~')).status).toBe(400)
  expect((await fetch(\`\${address()}/entries/h\`, { method: 'DELETE' })).status).toBe(405)
})
`

const grpcCalls = ({ camel }: ServiceSpec): string => `import { Client, credentials } from '@grpc/grpc-js'
import { onTestFinished } from 'vitest'
import { type GetEntryResponse, type PutEntryResponse, ${camel}ServiceV1 } from '../src/api.ts'

/** Calls the API at an address. */
export const openCalls = (address: string) => {
  const client = new Client(address, credentials.createInsecure())
  onTestFinished(() => client.close())
  const call = <Response>(name: string, request: object): Promise<Response> => {
    const { promise, resolve, reject } = Promise.withResolvers<Response>()
    const { path, requestSerialize, responseDeserialize } = ${camel}ServiceV1[name]!
    const read = responseDeserialize as (bytes: Buffer) => Response
    client.makeUnaryRequest(path, requestSerialize, read, request, (error, response) =>
      error === null && response !== undefined ? resolve(response) : reject(error as Error),
    )
    return promise
  }
  return {
    /** Whether the entry is new. Text is sent as it is. */
    put: async (entry: object | string): Promise<boolean> => {
      const entry_json = typeof entry === 'string' ? entry : JSON.stringify(entry)
      return (await call<PutEntryResponse>('PutEntry', { entry_json })).is_new
    },
    get: async (id: string): Promise<unknown> =>
      JSON.parse((await call<GetEntryResponse>('GetEntry', { id })).entry_json) as unknown,
  }
}
`
