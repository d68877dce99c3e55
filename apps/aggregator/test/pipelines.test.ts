import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { withoutClose, type Database } from '@armature/database/database'
import { openEmbedded } from '@armature/database/embedded'
import { ownDatabase } from '@armature/database/testing-own-database'
import { systemClock } from '@armature/async/clock'
import { jsonMessage, message } from '@armature/messaging/message'
import { openDriver } from '@armature/messaging-drivers/open'
import { memoryBroker } from '@armature/messaging-memory/broker'
import { execute } from '@armature/servers/execute'
import { serverDeadlineMs, serverUrl, skipped, uniqueName } from '@armature/servers/fixture'
import { type Program, startProgram } from '@armature/servers/program'
import { testTelemetry } from '@armature/telemetry/telemetry'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { settings } from '../src/config.ts'
import { pipelineJsonSchema } from '../src/pipeline-schema.ts'
import { openPostgresSink } from '../src/postgres-sink.ts'
import { aggregator } from '../src/service.ts'

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const ends: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

const fileOf = async (pipelines: object[]): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'pipelines-'))
  ends.push(() => rm(folder, { recursive: true }))
  const path = join(folder, 'pipelines.yaml')
  await writeFile(path, JSON.stringify({ pipelines }))
  return path
}

const eventually = (assertion: () => void | Promise<void>) => vi.waitFor(assertion, { timeout: 20_000, interval: 20 })

describe('pipelines in one process', () => {
  let database: Database
  beforeAll(async () => {
    database = await openEmbedded()
    await openPostgresSink(database)
  }, 120_000)
  afterAll(() => database.close(), 30_000)

  const start = async (pipelines: object[], changes: object = {}) => {
    await database.query('truncate event')
    const broker = memoryBroker()
    const shown: Record<string, unknown>[] = []
    const telemetry = testTelemetry('aggregator')
    const service = aggregator(settings.parse({ pipelines: await fileOf(pipelines), ...changes }), {
      telemetry,
      clock: systemClock(),
      openMessaging: async () => broker.connect(),
      openDatabase: async () => withoutClose(database),
      openSink: openPostgresSink,
      show: (line) => void shown.push(JSON.parse(line) as Record<string, unknown>),
    })
    ends.push(() => service.close())
    await service.start()
    const driver = broker.connect()
    ends.push(() => driver.close())
    const rows = async () =>
      (
        await database.query<{ topic: string; body: unknown; key: string }>(
          'select topic, body, correlation_key as key from event order by topic, correlation_key, body::text',
        )
      ).rows
    return { service, broker, driver, rows, shown, telemetry }
  }

  test('each reads its topic, gathers as it is told, and writes to the sink', async () => {
    const { driver, rows, service } = await start([
      { name: 'lines', input: { topic: 'lines' }, complete: { count: 2 } },
      {
        name: 'orders',
        input: { topic: 'orders.>' },
        filter: [{ field: 'json:amount', exists: true }],
        correlateBy: 'json:order',
        complete: { last: [{ field: 'json:last', equals: true }] },
        merge: { total: { sum: 'json:amount' } },
      },
    ])
    await driver.publish('lines', [jsonMessage('lines', 1), jsonMessage('lines', 2)])
    const order = (body: object) => jsonMessage('orders.eu', body, { key: 'k' })
    const parts = [
      { order: 1, amount: 2 },
      { order: 2, amount: 9 },
      { noted: true },
      { order: 1, amount: 3, last: true },
    ]
    await driver.publish('orders.eu', parts.map(order))
    await eventually(async () =>
      expect(await rows()).toEqual([
        { topic: 'lines', body: 1, key: 'lines' },
        { topic: 'lines', body: 2, key: 'lines' },
        { topic: 'orders.eu', body: { total: 5 }, key: '1' },
      ]),
    )
    await eventually(() => expect(service.ledger()).toMatchObject([{ received: 6, acked: 5, inFlight: 1 }]))
  })

  test('a message that no fold takes is a dead letter', async () => {
    const { driver, broker } = await start([
      { name: 'orders', input: { topic: 'orders' }, complete: { count: 2 }, merge: { total: { sum: 'json:amount' } } },
    ])
    const reasons: (string | undefined)[] = []
    await broker
      .connect()
      .subscribe('orders.DLT', async ({ headers }) => void reasons.push(headers['dlt-reason']), { from: 'earliest' })
    await driver.publish('orders', [jsonMessage('orders', { amount: 'much' })])
    await eventually(() => expect(reasons).toEqual(['unmergeable']))
  })

  test('what comes after its group was completed goes to the topic for late ones, with its id', async () => {
    const { driver, broker, rows } = await start([
      { name: 'p', input: { topic: 't' }, complete: { count: 1 }, late: { topic: 't.late' } },
    ])
    const late: string[] = []
    await broker.connect().subscribe('t.late', async ({ id }) => void late.push(id), { from: 'earliest' })
    await driver.publish('t', [
      message('t', '1', { id: 'first', key: 'k' }),
      message('t', '2', { id: 'second', key: 'k' }),
    ])
    await eventually(() => expect(late).toEqual(['second']))
    await eventually(async () => expect(await rows()).toHaveLength(1))
  })

  test('a dry run shows groups, late messages and dead letters, stores nothing, and leaves the place of the group', async () => {
    const pipelines = [
      {
        name: 'p',
        input: { topic: 't' },
        correlateBy: 'key',
        complete: { count: 2, periodMs: 600_000 },
        late: { topic: 't.late' },
      },
    ]
    const { driver, shown, rows, broker } = await start(pipelines, { dryRun: true })
    const send = (id: string, key?: string) => driver.publish('t', [message('t', 'x', { id, ...(key && { key }) })])
    await send('1', 'a')
    await send('2', 'a')
    await send('3', 'a')
    await send('4')
    await eventually(() => expect(shown).toHaveLength(3))
    expect(shown).toEqual(
      expect.arrayContaining([
        { pipeline: 'p', key: 'a', by: 'count', events: 2, bytes: 2, ids: ['1', '2'] },
        { pipeline: 'p', late: '3', topic: 't.late' },
        expect.objectContaining({ pipeline: 'p', deadLetter: '4', reason: 'uncorrelated' }),
      ]),
    )
    expect(await rows()).toEqual([])
    const later: string[] = []
    const options = { group: 'aggregator-p', from: 'earliest' as const }
    await broker.connect().subscribe('t', async ({ id }) => void later.push(id), options)
    await eventually(() => expect(later.toSorted()).toEqual(['1', '2', '3', '4']))
  })

  test('a file with a fault ends the start, and the fault has its place', async () => {
    const started = start([{ name: 'p', input: { topic: 't' }, complete: { cuont: 1 } }])
    await expect(started).rejects.toThrow(/pipelines\.yaml:1:\d+: error: .*did you mean count\?/)
  })

  test('a file that is not there ends the start', async () => {
    const config = settings.parse({ pipelines: '/nowhere/pipelines.yaml' })
    const service = aggregator(config, {
      telemetry: testTelemetry('aggregator'),
      clock: systemClock(),
      openMessaging: () => Promise.reject(new Error('not to be opened')),
      openDatabase: () => Promise.reject(new Error('not to be opened')),
      openSink: openPostgresSink,
    })
    await expect(service.start()).rejects.toThrow('/nowhere/pipelines.yaml cannot be read')
  })

  test('an order of keys that the broker does not keep ends the start', async () => {
    const pipelines = await fileOf([{ name: 'p', input: { topic: 't' }, complete: { count: 1 }, inOrder: true }])
    const unordered = memoryBroker().connect()
    const service = aggregator(settings.parse({ pipelines }), {
      telemetry: testTelemetry('aggregator'),
      clock: systemClock(),
      openMessaging: async () => ({ ...unordered, guarantees: { ...unordered.guarantees, order: 'none' as const } }),
      openDatabase: async () => withoutClose(database),
      openSink: openPostgresSink,
    })
    ends.push(() => service.close())
    await expect(service.start()).rejects.toThrow('pipeline p wants the order of each key, and memory: keeps none')
  })
})

describe('the program', () => {
  const run = (...args: string[]) =>
    execute(process.execPath, [main, ...args], { deadlineMs: 30_000, env: process.env })

  test('the schema in the repository is that of the code', async () => {
    const path = fileURLToPath(new URL('../pipelines.schema.json', import.meta.url))
    expect(
      JSON.parse(await readFile(path, 'utf8')),
      'write it anew: npx aggregator schema > apps/aggregator/pipelines.schema.json',
    ).toEqual(JSON.parse(JSON.stringify(pipelineJsonSchema())))
  })

  test('the example is without a fault, and its tests pass', async () => {
    const example = fileURLToPath(new URL('../pipelines.example.yaml', import.meta.url))
    await run('lint', example)
    expect(await run('test', example)).toContain('4 passed, 0 failed')
  })

  test('a test that fails ends with 1, a file with a fault with 78', async () => {
    const failing = { name: 'never', steps: [{ body: 'x' }], expect: [{}] }
    const pipeline = { name: 'p', input: { topic: 't' }, complete: { count: 2 } }
    await expect(run('test', await fileOf([{ ...pipeline, tests: [failing] }]))).rejects.toThrow(/FAILED p: never/)
    await expect(run('lint', await fileOf([{ ...pipeline, tset: [] }]))).rejects.toThrow(/did you mean tests\?/)
  })

  const startAggregator = (env: Record<string, string>): Program => {
    const program = startProgram(process.execPath, [main], { env: { ...process.env, STATSD_PORT: '0', ...env } })
    ends.push(() => program.kill())
    return program
  }

  test.skipIf(skipped('nats') || skipped('postgres'))(
    'SIGUSR1 and `aggregator flush` complete all groups now',
    async () => {
      const messagingUrl = (await serverUrl('nats')).replace(/^nats:/, 'jetstream:')
      const { url, database, drop } = await ownDatabase(await serverUrl('postgres'), uniqueName('flush'))
      ends.push(drop)
      const topic = uniqueName('flushed')
      const pipelines = await fileOf([{ name: 'p', input: { topic, group: topic }, complete: { count: 1_000 } }])
      const program = startAggregator({ MESSAGING_URL: messagingUrl, DATABASE_URL: url, PIPELINES: pipelines })
      const [, adminUrl = ''] = await program.until(/admin (http:\S+)/, 60_000)
      const driver = await openDriver(messagingUrl)
      ends.push(() => driver.close())
      const count = async () =>
        Number((await database.query<{ rows: string }>('select count(*) as rows from event')).rows[0]?.rows)
      const opened = async () =>
        (await (await fetch(`${adminUrl}/metrics`)).text()).includes('open_groups{pipeline="p"} 1')
      await driver.publish(topic, [message(topic, 'first')])
      await eventually(async () => expect(await opened()).toBe(true))
      expect(await count()).toBe(0)
      program.signal('SIGUSR1')
      await eventually(async () => expect(await count()).toBe(1))
      await driver.publish(topic, [message(topic, 'second')])
      await eventually(async () => expect(await opened()).toBe(true))
      expect(await run('flush', '--admin-url', adminUrl)).toBe('1 groups completed\n')
      await eventually(async () => expect(await count()).toBe(2))
      const fromPage = await fetch(`${adminUrl}/flush`, { method: 'POST', headers: { origin: 'http://evil.example' } })
      expect(fromPage.status).toBe(403)
      expect((await fetch(`${adminUrl}/flush`)).status).toBe(405)
    },
    serverDeadlineMs,
  )
})
