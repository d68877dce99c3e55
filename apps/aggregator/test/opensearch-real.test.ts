import { systemClock } from '@armature/async/clock'
import type { Database } from '@armature/database/database'
import { message, type Message } from '@armature/messaging/message'
import { memoryBroker } from '@armature/messaging-memory/broker'
import { serverDeadlineMs, serverUrl, skipped, uniqueName } from '@armature/servers/fixture'
import { testTelemetry } from '@armature/telemetry/telemetry'
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { settings } from '../src/config.ts'
import { openOpensearch, type OpenedSink } from '../src/open-opensearch.ts'
import { aggregator } from '../src/service.ts'
import { searchEvents } from './search.ts'

const noDatabase = (): Promise<Database> => Promise.reject(new Error('not asked'))

describe.skipIf(skipped('opensearch'))('a real OpenSearch', { timeout: 60_000 }, () => {
  let server: string
  const ends: (() => Promise<unknown>)[] = []
  beforeAll(async () => {
    server = (await serverUrl('opensearch')).replace(/\/$/, '')
  }, serverDeadlineMs)
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end()
  })

  const ask = async (method: string, path: string, body?: object) => {
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch(`${server}${path}`, {
      method,
      headers,
      body: body === undefined ? null : JSON.stringify(body),
    })
    return { status: answer.status, json: await answer.json().catch((): unknown => undefined) }
  }
  const warnings: string[] = []
  const open = async (index: string, changes: object = {}): Promise<OpenedSink> => {
    const given = { ...settings.parse(changes), sinkUrl: `${server}/${index}` }
    const opened = await openOpensearch(given, { clock: systemClock(), warn: (problem) => void warnings.push(problem) })
    ends.push(() => opened.close())
    return opened
  }
  const write = ({ sink }: OpenedSink, ...messages: Message[]) =>
    sink.write(messages.map((one) => ({ message: one, correlationKey: 'k' })))
  const event = (id: string, body = '{"n":1}', headers: Record<string, string> = {}) =>
    message('logs.a', body, { id, headers })

  test('a data stream takes events by create, and knows a repeat', async () => {
    const name = uniqueName('stream')
    const opened = await open(name, { sinkDataStream: true })
    ends.push(() => ask('DELETE', `/_data_stream/${name}`))
    expect(await write(opened, event('1'), event('2'))).toEqual(['written', 'written'])
    expect(await write(opened, event('2'), event('3'), event('1', '{"n":2}'))).toMatchObject([
      'duplicate',
      'written',
      { rejected: 'identity-reused' },
    ])
    await opened.sink.check()
    const { json } = await ask('GET', `/_data_stream/${name}`)
    expect(json).toMatchObject({ data_streams: [{ name, timestamp_field: { name: '@timestamp' } }] })
    expect((await searchEvents(server, name, 'logs.a')).map(({ id }) => id).toSorted()).toEqual(['1', '2', '3'])
  })

  test('an index template that is there is never overwritten', async () => {
    const prefix = uniqueName('own')
    const path = `/_index_template/armature-${prefix}-x`
    const own = {
      index_patterns: [`${prefix}-*`],
      priority: 1,
      version: 7,
      template: { mappings: { properties: { text: { type: 'keyword' } } } },
    }
    expect((await ask('PUT', path, own)).status).toBe(200)
    ends.push(() => ask('DELETE', path))
    const opened = await open(`${prefix}-%Y`)
    expect(await write(opened, event('1', 'plain'))).toEqual(['written'])
    const { json } = await ask('GET', path)
    expect(json).toMatchObject({ index_templates: [{ index_template: own }] })
    const { json: mapping } = await ask('GET', `/${prefix}-*/_mapping`)
    expect(Object.values(mapping as object)).toMatchObject([
      { mappings: { properties: { text: { type: 'keyword' } } } },
    ])
  })

  test('the template of an operator wins over the installed one', async () => {
    const prefix = uniqueName('wins')
    const path = `/_index_template/${prefix}`
    const own = {
      index_patterns: [`${prefix}-*`],
      priority: 100,
      template: { mappings: { properties: { text: { type: 'keyword' } } } },
    }
    expect((await ask('PUT', path, own)).status).toBe(200)
    ends.push(() => ask('DELETE', path))
    const opened = await open(`${prefix}-%Y`)
    expect((await ask('HEAD', `/_index_template/armature-${prefix}-x`)).status).toBe(200)
    await write(opened, event('1', 'plain'))
    const { json } = await ask('GET', `/${prefix}-*/_mapping`)
    expect(Object.values(json as object)).toMatchObject([{ mappings: { properties: { text: { type: 'keyword' } } } }])
  })

  test('of two versions of a key the greater one is kept', async () => {
    const index = uniqueName('versions')
    const opened = await open(index, { sinkOperation: 'index', sinkDocumentId: 'key', sinkVersionHeader: 'version' })
    const version = (version: string) => message('logs.a', `{"n":${version}}`, { key: 'k', headers: { version } })
    expect(await write(opened, version('2'))).toEqual(['written'])
    expect(await write(opened, version('1'), version('3'))).toEqual(['duplicate', 'written'])
    expect((await searchEvents(server, index, 'logs.a')).map(({ body }) => body)).toEqual([{ n: 3 }])
  })

  /** An aggregator of its own broker, and the dead letters of its topic with their reasons. */
  const run = async (index: string) => {
    const broker = memoryBroker()
    const letters: { id: string; reason: string | undefined; problem: string }[] = []
    await broker.connect().subscribe('logs.a.DLT', async ({ id, headers }) => {
      letters.push({ id, reason: headers['dlt-reason'], problem: headers['dlt-error'] ?? JSON.stringify(headers) })
    })
    const config = settings.parse({ sinkUrl: `${server}/${index}`, topic: 'logs.a', completePeriodMs: 20 })
    const service = aggregator(config, {
      telemetry: testTelemetry('aggregator'),
      clock: systemClock(),
      openMessaging: async () => broker.connect(),
      openDatabase: noDatabase,
      openSink: () => Promise.reject(new Error('not asked')),
      openSinkByUrl: (given) => openOpensearch(given, { clock: systemClock(), warn: () => undefined }),
    })
    ends.push(() => service.close())
    await service.start()
    return { publish: (...messages: Message[]) => broker.connect().publish('logs.a', messages), letters }
  }

  test('a mapping conflict is dead-lettered with the reason of the server, and costs no other message', async () => {
    const index = uniqueName('conflict')
    const { publish, letters } = await run(index)
    await publish(event('1', '{"n":1}'))
    const ids = async () => (await searchEvents(server, index, 'logs.a')).map(({ id }) => id).toSorted()
    await vi.waitFor(async () => expect(await ids()).toEqual(['1']), { timeout: 20_000, interval: 100 })
    await publish(event('2', '{"n":2}'), event('bad', '{"n":{"of":"another type"}}'), event('3', '{"n":3}'))
    await vi.waitFor(async () => expect(await ids()).toEqual(['1', '2', '3']), { timeout: 20_000, interval: 100 })
    await vi.waitFor(() => expect(letters).toHaveLength(1), { timeout: 20_000 })
    expect(letters).toMatchObject([{ id: 'bad', reason: 'refused-by-index' }])
    expect(letters[0]?.problem).toMatch(/mapper_parsing_exception: failed to parse field \[body\.n\]/)
  })

  test('an index that may not be made: the start is refused; by a field of the message it is a dead letter', async () => {
    const prefix = uniqueName('forbidden')
    const setting = (value: string | null) =>
      ask('PUT', '/_cluster/settings', { persistent: { 'action.auto_create_index': value } })
    expect((await setting(`-${prefix}*,*`)).status).toBe(200)
    ends.push(() => setting(null))
    await expect(open(`${prefix}-%Y`)).rejects.toMatchObject({
      exitCode: 78,
      cause: { message: expect.stringContaining(`action.auto_create_index is -${prefix}*,*`) as string },
    })
    const { publish, letters } = await run(`{header:place}`)
    const allowed = uniqueName('allowed')
    await publish(event('1', '{}', { place: `${prefix}-a` }), event('2', '{}', { place: allowed }))
    await vi.waitFor(() => expect(letters).toMatchObject([{ id: '1', reason: 'refused-by-index' }]), 20_000)
    expect(letters[0]?.problem).toContain('index_not_found_exception')
    const ids = async () => (await searchEvents(server, allowed, 'logs.a')).map(({ id }) => id)
    await vi.waitFor(async () => expect(await ids()).toEqual(['2']), { timeout: 20_000, interval: 100 })
  })
})
