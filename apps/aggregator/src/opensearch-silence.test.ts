import type { ServerResponse } from 'node:http'
import { drivenClock } from '@armature/async/clock'
import { testTelemetry } from '@armature/telemetry/telemetry'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type BulkServer, startBulkServer } from '../test/bulk-server.ts'
import { delivery } from '../test/deliveries.ts'
import { createOpensearchClient, type OpensearchClient } from './opensearch-client.ts'
import { createOpensearchSink } from './opensearch-sink.ts'
import { opensearchTarget } from './opensearch-target.ts'
import { groupWriter } from './write-group.ts'

const minuteMs = 60_000

let server: BulkServer
let client: OpensearchClient
beforeEach(async () => {
  server = await startBulkServer()
  client = createOpensearchClient({ origin: server.url, authorization: undefined, ca: undefined, maxConnections: 4 })
})
afterEach(async () => {
  await client.close()
  await server.close()
})

const silences: readonly (readonly [string, (response: ServerResponse) => void])[] = [
  ['says nothing', () => undefined],
  [
    'answers 200 and half a body',
    (response) => void response.writeHead(200, { 'content-length': '100' }).write('{"items":'),
  ],
  ['answers 200 and no body', (response) => void response.writeHead(200, { 'content-length': '100' }).flushHeaders()],
]

test.each(silences)(
  'FAULTS row 9: a server that %s for a minute is not waited for longer, and its batch is written again',
  async (_, answer) => {
    const clock = drivenClock()
    const faults: unknown[] = []
    let requests = 0
    server.onRequest = (_actions, response) => {
      requests += 1
      if (requests === 1) answer(response)
      return requests === 1
    }
    const writer = groupWriter({
      sink: createOpensearchSink({
        client,
        target: opensearchTarget(`${server.url}/logs`),
        operation: 'create',
        documentId: 'id',
        versionHeader: undefined,
        maxWritesAtOnce: 1,
        clock,
      }),
      telemetry: testTelemetry(),
      clock,
      maxAttempts: 3,
      retryDelayMs: 100,
      writeTimeoutMs: minuteMs,
      closing: new AbortController().signal,
      random: () => 1,
      onAttempt: (fault) => faults.push(fault),
    })
    const messages = [delivery('1', { id: '1' }), delivery('2', { id: '2' })]
    const settled = writer({ correlationKey: 'k', messages })
    await vi.waitFor(() => expect(requests).toBe(1), 10_000)
    await clock.advance(minuteMs - 1)
    expect(faults).toEqual([])
    await clock.advance(1)
    await vi.waitFor(() => expect(String(faults[0])).toContain('the write to the sink'), 10_000)
    await clock.advance(200)
    expect(await settled).toEqual([undefined, undefined])
    expect([...server.documents.keys()]).toEqual(['1', '2'])
  },
)
