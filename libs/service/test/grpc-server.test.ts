import { connect } from 'node:http2'
import { once } from 'node:events'
import { connect as connectTcp, createServer } from 'node:net'
import { type ServiceError, status } from '@grpc/grpc-js'
import { describe, expect, test, vi } from 'vitest'
import { badRequest, invalidArgument } from '../src/grpc-status.ts'
import { serviceMetrics } from '../src/service-metrics.ts'
import { echoDefinition, echoName, echoServices, plainDefinition } from './echo.ts'
import { googleRpc } from './google-rpc.ts'
import { useServers } from './grpc-servers.ts'

const { opened, open, callerOf, gated } = useServers()

describe('calls', () => {
  test('are answered, and counted by method and status', async () => {
    const { say, caller, counted, finished, metrics } = await open()
    expect(await say('hello')).toEqual({ text: 'hello' })
    expect(await caller.call(plainDefinition, 'ask', { query: 'q' })).toEqual({ response: 'q' })
    expect(await caller.stream(echoDefinition, 'Repeat', { text: 'x', times: 3 })).toHaveLength(3)
    await vi.waitFor(() => expect(finished).toHaveLength(3), { timeout: 10_000 })
    expect([counted('OK'), counted('OK', 'Plain/ask'), counted('OK', `${echoName}/Repeat`)]).toEqual([1, 1, 1])
    expect(metrics.value(serviceMetrics['rpc.server.calls.in_flight'])).toBe(0)
    expect(finished[0]).toMatchObject({
      method: `${echoName}/Say`,
      status: 'OK',
      peer: expect.stringMatching(/^127/) as string,
      answered: true,
    })
  })

  test('are reported when they begin and when they end, with their metadata, answered or not', async () => {
    const { services, asked } = gated()
    const onStart = vi.fn()
    const { say, finished } = await open({ services, onStart })
    const cancel = new AbortController()
    const givenUp = expect(say('x', { signal: cancel.signal, metadata: { 'x-mark': 'm' } })).rejects.toThrow('ancel')
    await asked
    expect([onStart.mock.calls.length, finished.length]).toEqual([1, 0])
    cancel.abort()
    await givenUp
    await vi.waitFor(() => expect(finished).toMatchObject([{ status: 'CANCELLED', answered: false }]), {
      timeout: 10_000,
    })
    expect(finished[0]?.metadata.get('x-mark')).toEqual(['m'])
    expect(onStart).toHaveBeenCalledOnce()
  })

  test('a StatusError is sent as it is, any other error as INTERNAL without its text', async () => {
    const { say, counted } = await open({
      services: echoServices(async ({ text }) => {
        if (text === 'bad') throw invalidArgument('text', 'must not be "bad"')
        throw new Error('secret')
      }),
    })
    await expect(say('bad')).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: 'text: must not be "bad"',
    })
    await expect(say('worse')).rejects.toMatchObject({ code: status.INTERNAL, details: 'internal error' })
    await vi.waitFor(() => expect([counted('INVALID_ARGUMENT'), counted('INTERNAL')]).toEqual([1, 1]), {
      timeout: 10_000,
    })
  })

  test('what is wrong with fields is there for programs too, as google.rpc.BadRequest', async () => {
    const violations = [
      { field: 'text', description: 'must not be "bad"' },
      { field: 'times', description: `must be at most ${'9'.repeat(300)}` },
    ]
    const { say } = await open({
      services: echoServices(async () => {
        throw badRequest(violations)
      }),
    })
    const error = (await say('bad').catch((one: unknown) => one)) as ServiceError
    expect(error.details).toBe(violations.map(({ field, description }) => `${field}: ${description}`).join('; '))
    const [bytes] = error.metadata.get('grpc-status-details-bin')
    const { Status, BadRequest } = googleRpc()
    const sent = Status.decode(bytes as Buffer).toJSON()
    expect(sent).toMatchObject({ code: status.INVALID_ARGUMENT, message: error.details })
    const [{ type_url: type, value }] = sent['details'] as [{ type_url: string; value: string }]
    expect(type).toBe('type.googleapis.com/google.rpc.BadRequest')
    expect(BadRequest.decode(Buffer.from(value, 'base64')).toJSON()).toEqual({ field_violations: violations })
  })

  test('have an id, the client’s where it gives a good one, and the answer holds it', async () => {
    const { caller, finished } = await open({
      services: echoServices(async ({ text }) => {
        if (text === 'bad') throw invalidArgument('text', 'must not be bad')
        return { text }
      }),
    })
    const idOf = (text: string, id?: string) => caller.header(echoDefinition, 'Say', { text }, 'x-request-id', id)
    expect([await idOf('a', 'mine/1'), await idOf('bad', 'mine/2')]).toEqual(['mine/1', 'mine/2'])
    const made = [await idOf('a'), await idOf('bad'), await idOf('a', 'has a space'), await idOf('a', 'x'.repeat(129))]
    for (const id of made) expect(id).toMatch(/^[\da-f-]{36}$/)
    await vi.waitFor(() => expect(finished.map(({ requestId }) => requestId)).toEqual(['mine/1', 'mine/2', ...made]), {
      timeout: 10_000,
    })
  })

  test('of methods that are nobody’s are counted under one name', async () => {
    const { caller, counted, finished } = await open()
    for (const path of [`/${echoName}/Nothing`, '/made/Up', '/x'])
      await expect(caller.callRaw(path, Buffer.alloc(0))).rejects.toMatchObject({ code: status.UNIMPLEMENTED })
    expect(counted('UNIMPLEMENTED', '_OTHER')).toBe(3)
    expect(finished).toEqual([])
  })

  test('a method nobody implements is UNIMPLEMENTED', async () => {
    const { caller, counted } = await open()
    await expect(caller.call(echoDefinition, 'Ping', {})).rejects.toMatchObject({ code: status.UNIMPLEMENTED })
    await vi.waitFor(() => expect(counted('UNIMPLEMENTED', `${echoName}/Ping`)).toBe(1), { timeout: 10_000 })
  })

  test('a passed deadline aborts the handler and is counted', async () => {
    const { services, aborted } = gated()
    const { say, counted, server } = await open({ services })
    await expect(say('x', { deadline: Date.now() + 100 })).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED })
    await vi.waitFor(() => expect(aborted).toHaveBeenCalledOnce(), { timeout: 10_000 })
    // Either side's clock may be first; the client's resets the stream.
    await vi.waitFor(() => expect(counted('DEADLINE_EXCEEDED') + counted('CANCELLED')).toBe(1), { timeout: 10_000 })
    expect(server.inFlight).toBe(0)
  })

  test('a call that was answered is never aborted', async () => {
    const signals: AbortSignal[] = []
    const { say, finished } = await open({
      services: echoServices(async ({ text }, { signal }) => {
        signals.push(signal)
        if (text === 'bad') throw invalidArgument('text', 'must not be bad')
        return { text }
      }),
    })
    await say('x')
    await expect(say('bad')).rejects.toMatchObject({ code: status.INVALID_ARGUMENT })
    await vi.waitFor(() => expect(finished).toHaveLength(2), { timeout: 10_000 })
    expect(signals.map(({ aborted }) => aborted)).toEqual([false, false])
  })

  test('a cancelled call aborts the handler and is counted', async () => {
    const { services, asked, aborted } = gated()
    const { say, counted, server } = await open({ services })
    const cancel = new AbortController()
    const cancelled = expect(say('x', { signal: cancel.signal })).rejects.toMatchObject({ code: status.CANCELLED })
    await asked
    expect(server.inFlight).toBe(1)
    cancel.abort()
    await cancelled
    await vi.waitFor(() => expect(aborted).toHaveBeenCalledOnce(), { timeout: 10_000 })
    await vi.waitFor(() => expect(counted('CANCELLED')).toBe(1), { timeout: 10_000 })
    expect(server.inFlight).toBe(0)
  })
})

describe('bad input', () => {
  const malformed = ['ff', '0aff', '08'].map((hex) => [hex] as const)
  test.each(malformed)('malformed protobuf %s is INTERNAL and counted, and the server lives', async (hex) => {
    const { caller, say, counted } = await open()
    await expect(caller.callRaw(`/${echoName}/Say`, Buffer.from(hex, 'hex'))).rejects.toMatchObject({
      code: status.INTERNAL,
    })
    await vi.waitFor(() => expect(counted('INTERNAL')).toBe(1), { timeout: 10_000 })
    expect(await say('still here')).toEqual({ text: 'still here' })
  })

  test('unknown fields are no fault', async () => {
    const { caller } = await open()
    await caller.callRaw(`/${echoName}/Say`, Buffer.from('a20603616263', 'hex'))
  })

  test('a message at the limit is answered, one above it is RESOURCE_EXHAUSTED and counted', async () => {
    const maxMessageBytes = 1_000
    const { say, counted } = await open({ maxMessageBytes })
    const overhead = 3
    expect((await say('x'.repeat(maxMessageBytes - overhead))).text).toHaveLength(maxMessageBytes - overhead)
    await expect(say('x'.repeat(maxMessageBytes - overhead + 1))).rejects.toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
    })
    await vi.waitFor(() => expect(counted('RESOURCE_EXHAUSTED')).toBe(1), { timeout: 10_000 })
  })

  test.each([
    ['a cut message', { ':path': `/${echoName}/Say` }, Buffer.from('000000ffff0a', 'hex'), '12'],
    ['no message', { ':path': `/${echoName}/Say` }, Buffer.alloc(0), '12'],
    [
      'an unknown compression',
      { ':path': `/${echoName}/Say`, 'grpc-encoding': 'snappy' },
      Buffer.from('0100000000', 'hex'),
      '12',
    ],
    [
      'invalid gzip',
      { ':path': `/${echoName}/Say`, 'grpc-encoding': 'gzip' },
      Buffer.from('0100000001ff', 'hex'),
      '13',
    ],
    ['a bad timeout', { ':path': `/${echoName}/Say`, 'grpc-timeout': 'soon' }, Buffer.from('0000000000', 'hex'), '13'],
    ['an unknown path', { ':path': '/nobody' }, Buffer.alloc(0), '12'],
  ] as const)('%s on the wire gets a status, and the server lives', async (_name, headers, bytes, expected) => {
    const { server, say } = await open()
    const session = connect(`http://${server.address}`)
    opened.push(() => session.destroy())
    const request = session.request({
      ':method': 'POST',
      'content-type': 'application/grpc',
      te: 'trailers',
      ...headers,
    })
    const answered = new Promise<unknown>((resolve, reject) => {
      request.on('response', (got) => got['grpc-status'] !== undefined && resolve(got['grpc-status']))
      request.on('trailers', (got) => resolve(got['grpc-status']))
      request.on('error', reject)
    })
    request.end(bytes)
    expect(await answered).toBe(expected)
    expect(await say('still here')).toEqual({ text: 'still here' })
  })

  test('a connection beyond the limit is closed and counted; the others go on, and a place that is free is taken', async () => {
    const { server, say, metrics } = await open({ maxConnections: 2 })
    expect(await say('first')).toEqual({ text: 'first' })
    const second = connectTcp(server.port, server.host)
    opened.push(() => void second.destroy())
    await once(second, 'connect')
    const third = connectTcp(server.port, server.host)
    third.resume()
    await once(third, 'close')
    expect(metrics.value(serviceMetrics.rpc_connections_refused_total)).toBe(1)
    expect(await say('still here')).toEqual({ text: 'still here' })
    second.destroy()
    await vi.waitFor(
      async () => {
        const { say: sayNew } = callerOf(server)
        expect(await sayNew('new')).toEqual({ text: 'new' })
      },
      { timeout: 10_000 },
    )
  })

  test('a taken port rejects with the error of listen', async () => {
    const holder = createServer()
    opened.push(() => void holder.close())
    const port = await new Promise<number>((resolve) => {
      holder.listen(0, '127.0.0.1', () => resolve((holder.address() as { port: number }).port))
    })
    await expect(open({ port })).rejects.toMatchObject({ code: 'EADDRINUSE', syscall: 'listen', port })
  })
})
