import { readdir, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { KafkaApis } from './apis.ts'
import { errorOfCode, internals } from './client-internals.ts'

const { keyOf, definitionOf } = internals

/** The requests that the driver sends in the encoding of kafkajs, with their numbers. */
const apis: Readonly<Record<keyof KafkaApis, number>> = {
  Produce: 0,
  Fetch: 1,
  ListOffsets: 2,
  Metadata: 3,
  OffsetCommit: 8,
  OffsetFetch: 9,
  GroupCoordinator: 10,
  JoinGroup: 11,
  Heartbeat: 12,
  LeaveGroup: 13,
  SyncGroup: 14,
  CreateTopics: 19,
  DeleteRecords: 21,
  InitProducerId: 22,
  DescribeConfigs: 32,
}

const server = createServer()
const sockets: Socket[] = []
beforeAll(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)))
afterAll(() => {
  for (const socket of sockets) socket.destroy()
  server.close()
})

const newPool = () => {
  const { port } = server.address() as AddressInfo
  return internals.newPool({
    host: '127.0.0.1',
    port,
    tls: undefined,
    sasl: undefined,
    clientId: 'c',
    connectTimeoutMs: 10_000,
    requestTimeoutMs: 10_000,
    makeSocket: (onConnect) => {
      const socket = connect({ host: '127.0.0.1', port }, onConnect)
      sockets.push(socket)
      return socket
    },
  })
}

const connectionOf = () => {
  const [connection] = newPool().pool
  if (connection === undefined) throw new Error('ConnectionPool.pool of kafkajs is empty')
  return connection
}

describe('what is used of the inside of kafkajs is there: with another version, mend client-internals.ts where a test fails', () => {
  test('the version is the one that was looked at', () => {
    expect((createRequire(import.meta.url)('kafkajs/package.json') as { version: string }).version).toBe('2.2.4')
  })

  test('no other file imports inner modules', async () => {
    const importing: string[] = []
    for (const name of await readdir(import.meta.dirname)) {
      const text = await readFile(`${import.meta.dirname}/${name}`, 'utf8')
      if (/^import .*'kafkajs\/.*'$/m.test(text)) importing.push(name)
    }
    expect(importing).toEqual(['client-internals.ts'])
  })

  test('ConnectionPool connects by socketFactory, one connection for fetches and one for all else', async () => {
    const pool = newPool()
    expect(pool.pool, 'ConnectionPool.pool').toHaveLength(2)
    const [other, fetching] = [
      await pool.getConnectionByRequest({ request: { apiKey: apis.Produce } }),
      await pool.getConnectionByRequest({ request: { apiKey: apis.Fetch } }),
    ]
    expect([other, fetching], 'ConnectionPool.getConnectionByRequest').toEqual(pool.pool)
    expect([other.socket, fetching.socket], 'Connection.socket').toEqual(sockets.slice(-2))
    expect(() => other.failIfNotConnected(), 'Connection.failIfNotConnected').not.toThrow()
    other.socket.destroy(new Error('cut'))
    await vi.waitFor(() =>
      expect(() => other.failIfNotConnected(), 'Connection.failIfNotConnected').toThrow(
        expect.objectContaining({ name: 'KafkaJSConnectionError' }),
      ),
    )
  })

  test('Connection counts its requests and logs in', async () => {
    const connection = connectionOf()
    expect([connection.nextCorrelationId(), connection.nextCorrelationId()], 'Connection.nextCorrelationId').toEqual([
      0, 1,
    ])
    expect(connection.isAuthenticated(), 'Connection.isAuthenticated').toBe(false)
    await expect(connection.authenticate(), 'Connection.authenticate, without SASL').resolves.toBeUndefined()
  })

  interface Queue {
    push(request: object): void
    fulfillRequest(answer: object): void
    rejectAll(error: Error): void
    maybeThrottle(throttleMs: number): void
    scheduleCheckPendingRequests(): void
    readonly throttleCheckTimeoutId: unknown
  }
  const queueOf = () => connectionOf().requestQueue as unknown as Queue

  const pushTo = (queue: Queue, correlationId: number) => {
    const sendRequest = vi.fn()
    const answer = new Promise((resolve, reject) => {
      const entry = { apiKey: 0, apiName: 'Produce', apiVersion: 7, correlationId, resolve, reject }
      queue.push({ entry, expectResponse: true, requestTimeout: null, sendRequest })
    })
    return { sendRequest, answer }
  }
  const payload = Buffer.from('answer')

  test('RequestQueue sends what is pushed and resolves it with its answer', async () => {
    const queue = queueOf()
    const [first, second] = [pushTo(queue, 1), pushTo(queue, 2)]
    expect(first.sendRequest, 'RequestQueue.push').toHaveBeenCalledOnce()
    queue.fulfillRequest({ correlationId: 1, payload, size: payload.length })
    expect(await first.answer, 'what an entry resolves with').toMatchObject({ payload })
    queue.rejectAll(new Error('lost'))
    await expect(second.answer, 'what an entry rejects with').rejects.toThrow('lost')
  })

  test('RequestQueue sends later while the broker throttles, and does not look for requests where none wait', async () => {
    const queue = queueOf()
    const first = pushTo(queue, 1)
    queue.fulfillRequest({ correlationId: 1, payload, size: payload.length })
    await first.answer
    expect(queue.throttleCheckTimeoutId, 'RequestQueue.throttleCheckTimeoutId').toBeNull()
    queue.maybeThrottle(20)
    const { sendRequest } = pushTo(queue, 2)
    expect(sendRequest, 'RequestQueue.maybeThrottle').not.toHaveBeenCalled()
    expect(queue.throttleCheckTimeoutId, 'RequestQueue.throttleCheckTimeoutId').not.toBeNull()
    await vi.waitFor(() => expect(sendRequest, 'RequestQueue.checkPendingRequests').toHaveBeenCalledOnce())
  })

  test('only the queues of the driver are changed, none of other users of kafkajs', () => {
    const queue = queueOf()
    const { scheduleCheckPendingRequests } = Object.getPrototypeOf(queue) as Queue
    expect(scheduleCheckPendingRequests, 'RequestQueue.scheduleCheckPendingRequests').toBeTypeOf('function')
    expect(queue.scheduleCheckPendingRequests).not.toBe(scheduleCheckPendingRequests)
  })

  test.each(Object.entries(apis))('requests.%s, number %d, is encoded and decoded', (name, key) => {
    const { versions, protocol } = definitionOf[name] as {
      versions: string[]
      protocol(of: { version: string | undefined }): (ask: object) => { request: object; response: object }
    }
    expect(keyOf[name], `apiKeys.${name}`).toBe(key)
    const ask = { topics: [], resources: [], topicData: [], groupProtocols: [], groupAssignment: [] }
    expect(protocol({ version: versions.at(-1) })(ask)).toMatchObject({
      request: { apiKey: key, apiVersion: Number(versions.at(-1)), encode: expect.any(Function) as unknown },
      response: { decode: expect.any(Function) as unknown },
    })
  })

  test('Broker connects, knows versions and looks requests up', () => {
    expect(internals.newBroker(newPool()), 'Broker').toMatchObject({
      connect: expect.any(Function) as unknown,
      lookupRequest: expect.any(Function) as unknown,
      versions: null,
    })
  })

  test('createErrorFromCode has the words for a code', () => {
    expect(errorOfCode(3)).toMatchObject({
      message: 'This server does not host this topic-partition',
      type: 'UNKNOWN_TOPIC_OR_PARTITION',
      retriable: true,
    })
  })
})
