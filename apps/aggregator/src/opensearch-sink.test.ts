import { systemClock } from '@armature/async/clock'
import { message, type Message, tombstone } from '@armature/messaging/message'
import { testTelemetry } from '@armature/telemetry/telemetry'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type BulkServer, startBulkServer } from '../test/bulk-server.ts'
import { delivery } from '../test/deliveries.ts'
import { createOpensearchClient, type OpensearchClient } from './opensearch-client.ts'
import { createOpensearchSink, type OpensearchSinkOptions } from './opensearch-sink.ts'
import { opensearchTarget } from './opensearch-target.ts'
import type { Sink } from './sink.ts'
import { groupWriter } from './write-group.ts'

let server: BulkServer
let client: OpensearchClient
let sink: Sink
const time = new Date('2026-01-02T03:04:05.678Z')

const sinkWith = (options: Partial<OpensearchSinkOptions> = {}, index = 'logs-%Y.%m.%d'): Sink =>
  createOpensearchSink({
    client,
    target: opensearchTarget(`${server.url}/${index}`),
    operation: 'create',
    documentId: 'id',
    versionHeader: undefined,
    maxWritesAtOnce: 4,
    clock: systemClock(),
    ...options,
  })

beforeEach(async () => {
  server = await startBulkServer()
  client = createOpensearchClient({ origin: server.url, authorization: undefined, ca: undefined, maxConnections: 4 })
  sink = sinkWith()
})
afterEach(async () => {
  await client.close()
  await server.close()
})

const write = (...messages: Message[]) => sink.write(messages.map((one) => ({ message: one, correlationKey: 'k' })))
const event = (id: string, body = `{"n":"${id}"}`) => message('logs.a', body, { id, time })
const events = (count: number) => Array.from({ length: count }, (_, index) => event(String(index)))
const ids = () => [...server.documents.keys()]
const isCheck = (actions: readonly { operation: string }[]) => actions.every(({ operation }) => operation === 'delete')

/** Writes the messages by a group writer. Resolves to the name and reason of the error of each. */
const settled = async (messages: readonly Message[], maxAttempts = 4) => {
  const writer = groupWriter({
    sink,
    telemetry: testTelemetry(),
    clock: systemClock(),
    maxAttempts,
    retryDelayMs: 1,
    writeTimeoutMs: 20_000,
    closing: new AbortController().signal,
    onAttempt: () => undefined,
  })
  const deliveries = messages.map((one) => ({ ...delivery(''), ...one }))
  const errors = await writer({ correlationKey: 'k', messages: deliveries })
  return errors.map((error) => (error === undefined ? 'stored' : (error as Error & { reason: string }).reason))
}

describe('documents', () => {
  test('hold each part of the message; a JSON object is the body, anything else the text', async () => {
    const body = '{"n":12345678901234567890,\n"s":"\u2028"}'
    const outcomes = await write(
      event('1', body),
      event('2', '[1]'),
      event('3', 'plain "quoted"\n'),
      tombstone('logs.a', { id: '4', time }),
    )
    expect(outcomes).toEqual(['written', 'written', 'written', 'written'])
    const [first, second, third, fourth] = ids().map((id) => server.documents.get(id))
    expect(first).toMatchObject({
      '@timestamp': time.toISOString(),
      id: '1',
      source: '',
      topic: 'logs.a',
      correlation_key: 'k',
    })
    expect(first?.['body']).toEqual({ n: Number('12345678901234567890'), s: '\u2028' })
    expect(second).toMatchObject({ text: '[1]' })
    expect(third).toMatchObject({ text: 'plain "quoted"\n' })
    expect(fourth).not.toHaveProperty('text')
    expect(server.requests[0]?.map(({ index }) => index)).toEqual(Array.from({ length: 4 }, () => 'logs-2026.01.02'))
  })

  test('a body with line feeds cannot add an action to the request', async () => {
    const outcomes = await write(
      event('1', '{"a":1}\n{"delete":{"_index":"logs","_id":"x"}}'),
      event('2', '{\n"a"\r\n:1}'),
    )
    expect(outcomes).toEqual(['written', 'written'])
    expect(server.requests[0]?.map(({ operation }) => operation)).toEqual(['create', 'create'])
  })

  test('what no document can be made of is rejected, the others are written', async () => {
    const json = { 'content-type': 'application/json' }
    expect(
      await write(
        message('t', new Uint8Array([0xff]), { id: '1', time }),
        message('t', '{', { id: '2', time, headers: json }),
        message('t', '{}', { id: '3', time: new Date(NaN) }),
        message('t', '{}', { id: '4', time: new Date('+012026-01-01T00:00:00Z') }),
        event('5'),
      ),
    ).toMatchObject([
      { rejected: 'not-utf-8' },
      { rejected: 'invalid-json' },
      { rejected: 'no-index' },
      { rejected: 'no-index' },
      'written',
    ])
    expect(ids()).toEqual(['5'])
  })

  test.each([['a/../b'], ['*'], ['_all,x'], ['-logs'], ['a'.repeat(300)]])(
    'a field that makes no index name is rejected: %j',
    async (service) => {
      sink = sinkWith({}, '{header:service}')
      expect(await write(message('t', '{}', { id: '1', headers: { service } }))).toMatchObject([
        { rejected: 'no-index' },
      ])
      expect(server.requests).toEqual([])
    },
  )

  test('a field names the index, in small letters', async () => {
    sink = sinkWith({}, 'logs-{header:service}')
    expect(await write(message('t', '{}', { id: '1', headers: { service: 'Search' } }))).toEqual(['written'])
    expect(server.requests[0]?.[0]?.index).toBe('logs-search')
  })

  test('an id that is longer than the server takes is hashed', async () => {
    const long = 'ü'.repeat(300)
    expect(await write(event(long), event(long))).toEqual(['written', 'duplicate'])
    expect(ids()[0]).toMatch(/^sha256:[0-9a-f]{64}$/)
    expect(server.documents.get(ids()[0] ?? '')).toMatchObject({ id: long })
  })
})

describe('ids', () => {
  test('a repeat is stored already; another event of the same id is no repeat', async () => {
    expect(await write(event('1'))).toEqual(['written'])
    const other = message('logs.a', '{"n":"1"}', { id: '1', time, headers: { source: '/b' } })
    expect(await write(event('1'), event('1', '{"n":2}'), other)).toMatchObject([
      'duplicate',
      { rejected: 'identity-reused' },
      { rejected: 'identity-reused' },
    ])
  })

  test('made of source and id, events of two sources with one id are two documents', async () => {
    sink = sinkWith({ documentId: 'source-and-id' })
    const from = (source: string) => message('t', source, { id: '1', headers: { source } })
    expect(await write(from('/a'), from('/b'), from('/a'))).toEqual(['written', 'written', 'duplicate'])
    expect(server.documents.size).toBe(2)
  })

  test('who may not read has the word of the server that the id is taken', async () => {
    await write(event('1'))
    server.onOther = () => ({ status: 403 })
    expect(await write(event('1'))).toEqual(['duplicate'])
  })

  test('of two versions of a key the greater one is kept', async () => {
    sink = sinkWith({ operation: 'index', documentId: 'key', versionHeader: 'Sequence' })
    const version = (sequence: string, key = 'k') => message('t', '{}', { key, headers: { sequence } })
    server.onItem = ({ version: given }) =>
      given === 1 ? { status: 409, error: { type: 'version_conflict_engine_exception', reason: 'higher' } } : undefined
    const unkeyed = message('t', '{}', { headers: { sequence: '1' } })
    expect(await write(version('2'), version('1'), version('-1'), version(''), unkeyed)).toMatchObject([
      'written',
      'duplicate',
      { rejected: 'no-version' },
      { rejected: 'no-version' },
      { rejected: 'no-key' },
    ])
    expect(server.requests[0]).toMatchObject([
      { operation: 'index', id: 'k', version: 2 },
      { operation: 'index', id: 'k', version: 1 },
    ])
  })
})

describe('a request that is taken in part', () => {
  test('FAULTS row 8: what is busy is written again alone, what is refused is rejected, what is taken counts as stored', async () => {
    let refusals = 0
    server.onItem = ({ id }) => {
      if (id === '1') return { status: 400, error: { type: 'mapper_parsing_exception', reason: 'failed to parse' } }
      if (id !== '2' || refusals++ >= 2) return undefined
      return { status: 429, error: { type: 'es_rejected_execution_exception', reason: 'queue is full' } }
    }
    expect(await settled(events(4))).toEqual(['stored', 'refused-by-index', 'stored', 'stored'])
    expect(server.requests.map((request) => request.map(({ id }) => id))).toEqual([['0', '1', '2', '3'], ['2'], ['2']])
  })

  test('an index that takes no writes for now costs no message', async () => {
    server.onItem = () => ({ status: 403, error: { type: 'cluster_block_exception', reason: 'read-only' } })
    expect(await settled(events(2))).toEqual(['sink-outage', 'sink-outage'])
  })

  test('an item that goes on failing by 500 is condemned only while the sink passes its check', async () => {
    server.onItem = ({ id }) => (id === '1' ? { status: 500 } : undefined)
    expect(await settled(events(3))).toEqual(['stored', 'refused-by-sink', 'stored'])
    server.onItem = () => ({ status: 500 })
    server.onRequest = (actions, response) => {
      if (isCheck(actions)) response.writeHead(500).end()
      return isCheck(actions)
    }
    expect(await settled([event('9')])).toEqual(['sink-outage'])
  })
})

describe('a request that is refused as a whole', () => {
  test.each([
    [413, 'too-large'],
    [400, 'refused-by-sink'],
  ])('%d is cut in halves until the culprit is alone', async (status, reason) => {
    server.onRequest = (_, response, raw) => {
      const refused = raw.includes('poison')
      if (refused) response.writeHead(status).end('no')
      return refused
    }
    const batch = [...events(4), event('p', '{"poison":1}'), event('5')]
    expect(await settled(batch)).toEqual(['stored', 'stored', 'stored', 'stored', reason, 'stored'])
    expect(ids()).toHaveLength(5)
  })

  test.each([
    ['half a body', (body: string) => body.slice(0, body.length / 2)],
    ['no body', () => ''],
    ['half the items', () => '{"items":[]}'],
    ['another protocol', () => '<html>'],
    ['the items of others', (body: string) => body.replaceAll('"_id":"', '"_id":"x')],
  ])('FAULTS row 9: 200 with %s says nothing: all is written again, none is lost', async (_, spoil) => {
    let answers = 0
    server.onAnswer = (body, actions) => (isCheck(actions) || answers++ > 0 ? body : spoil(body))
    expect(await settled(events(4))).toEqual(['stored', 'stored', 'stored', 'stored'])
    expect(ids()).toEqual(['0', '1', '2', '3'])
    expect(server.requests.length).toBeGreaterThan(1)
  })

  test('a server that answers nothing whole is asked once a write, and no message is condemned', async () => {
    server.onAnswer = () => '{"items":'
    expect(await settled(events(8), 2)).toEqual(Array.from({ length: 8 }, () => 'sink-outage'))
    expect(server.requests).toHaveLength(2)
  })

  test('FAULTS row 7: 429 for all is tried again, not before Retry-After, and is no fault of the messages', async () => {
    const times: number[] = []
    server.onRequest = (_, response) => {
      times.push(performance.now())
      if (times.length === 1) response.writeHead(429, { 'retry-after': '1' }).end('busy')
      return times.length === 1
    }
    expect(await settled(events(3))).toEqual(['stored', 'stored', 'stored'])
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThan(990)
    server.onRequest = (_, response) => {
      response.writeHead(429).end()
      return true
    }
    expect(await settled([event('x')])).toEqual(['sink-outage'])
  })

  test.each([401, 403, 404, 502])('%d for all is the sink out of order', async (status) => {
    server.onRequest = (_, response) => {
      response.writeHead(status).end('no')
      return true
    }
    await expect(write(event('1'))).rejects.toThrow(`the server answers ${status}`)
    await expect(sink.check()).rejects.toThrow(`the server answers ${status}`)
  })

  test('an answer that does not come ends with the signal', async () => {
    server.onRequest = () => true
    const items = [{ message: event('1'), correlationKey: 'k' }]
    await expect(sink.write(items, AbortSignal.timeout(50))).rejects.toThrow(/timeout/i)
  })
})

test('the check writes nothing and sees an index that takes nothing', async () => {
  await sink.check()
  expect(server.documents.size).toBe(0)
  server.onItem = () => ({ status: 429, error: { type: 'cluster_block_exception', reason: 'disk usage exceeded' } })
  await expect(sink.check()).rejects.toThrow('disk usage exceeded')
})
