import { connect } from 'node:http2'
import { connect as connectTcp, createServer } from 'node:net'
import { status } from '@grpc/grpc-js'
import { testTelemetry } from '@armature/telemetry/telemetry'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { invalidArgument } from '../src/grpc-handler.ts'
import type { FinishedCall } from '../src/grpc-interceptor.ts'
import { type GrpcServer, type GrpcServerOptions, openGrpcServer } from '../src/grpc-server.ts'
import {
  descriptorSet,
  echoDefinition,
  echoName,
  echoServices,
  healthDefinition,
  openCaller,
  plainDefinition,
  type Text,
} from './echo.ts'

const opened: (() => void | Promise<void>)[] = []
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close()
})

const open = async (options: Partial<GrpcServerOptions> = {}) => {
  const { metrics } = testTelemetry()
  const finished: FinishedCall[] = []
  const server = await openGrpcServer({
    host: '127.0.0.1',
    port: 0,
    services: echoServices(),
    descriptorSet,
    metrics,
    onFinish: (call) => finished.push(call),
    ...options,
  })
  opened.push(() => server.close())
  const caller = callerOf(server)
  const counted = (code: string, method = `${echoName}/Say`) =>
    metrics.value('rpc.server.call.duration', { 'rpc.method': method, 'rpc.status_code': code })
  return { server, metrics, finished, counted, ...caller }
}

const callerOf = (server: GrpcServer) => {
  const caller = openCaller(server.address)
  opened.push(() => caller.close())
  const say = (text: string, options?: Parameters<typeof caller.call>[3]) =>
    caller.call(echoDefinition, 'Say', { text }, options)
  const health = async (service: string) =>
    (await caller.call<{ status: string }>(healthDefinition, 'Check', { service })).status
  return { caller, say, health }
}

/** A handler that answers when told, and tells when it was asked. */
const gated = () => {
  const asked = Promise.withResolvers<void>()
  const gate = Promise.withResolvers<Text>()
  const aborted = vi.fn()
  const services = echoServices((_request, { signal }) => {
    signal.addEventListener('abort', aborted)
    asked.resolve()
    return gate.promise
  })
  return { services, asked: asked.promise, answer: gate.resolve, aborted }
}

describe('calls', () => {
  test('are answered, and counted by method and status', async () => {
    const { say, caller, counted, finished, metrics } = await open()
    expect(await say('hello')).toEqual({ text: 'hello' })
    expect(await caller.call(plainDefinition, 'ask', { query: 'q' })).toEqual({ response: 'q' })
    expect(await caller.stream(echoDefinition, 'Repeat', { text: 'x', times: 3 })).toHaveLength(3)
    await vi.waitFor(() => expect(finished).toHaveLength(3))
    expect([counted('OK'), counted('OK', 'Plain/ask'), counted('OK', `${echoName}/Repeat`)]).toEqual([1, 1, 1])
    expect(metrics.value('rpc.server.calls.in_flight')).toBe(0)
    expect(finished[0]).toMatchObject({
      method: `${echoName}/Say`,
      status: 'OK',
      peer: expect.stringMatching(/^127/) as string,
      answered: true,
    })
  })

  test('are told of when they begin and when they end, with what came along, answered or not', async () => {
    const { services, asked } = gated()
    const onStart = vi.fn()
    const { say, finished } = await open({ services, onStart })
    const cancel = new AbortController()
    const givenUp = expect(say('x', { signal: cancel.signal, metadata: { 'x-mark': 'm' } })).rejects.toThrow('ancel')
    await asked
    expect([onStart.mock.calls.length, finished.length]).toEqual([1, 0])
    cancel.abort()
    await givenUp
    await vi.waitFor(() => expect(finished).toMatchObject([{ status: 'CANCELLED', answered: false }]))
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
    await vi.waitFor(() => expect([counted('INVALID_ARGUMENT'), counted('INTERNAL')]).toEqual([1, 1]))
  })

  test('a method nobody implements is UNIMPLEMENTED', async () => {
    const { caller, counted } = await open()
    await expect(caller.call(echoDefinition, 'Ping', {})).rejects.toMatchObject({ code: status.UNIMPLEMENTED })
    await vi.waitFor(() => expect(counted('UNIMPLEMENTED', `${echoName}/Ping`)).toBe(1))
  })

  test('a passed deadline aborts the handler and is counted', async () => {
    const { services, aborted } = gated()
    const { say, counted, server } = await open({ services })
    await expect(say('x', { deadline: Date.now() + 100 })).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED })
    await vi.waitFor(() => expect(aborted).toHaveBeenCalledOnce())
    // Either side's clock may be first; the client's resets the stream.
    await vi.waitFor(() => expect(counted('DEADLINE_EXCEEDED') + counted('CANCELLED')).toBe(1))
    expect(server.inFlight).toBe(0)
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
    await vi.waitFor(() => expect(aborted).toHaveBeenCalledOnce())
    await vi.waitFor(() => expect(counted('CANCELLED')).toBe(1))
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
    await vi.waitFor(() => expect(counted('INTERNAL')).toBe(1))
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
    await vi.waitFor(() => expect(counted('RESOURCE_EXHAUSTED')).toBe(1))
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
      'gzip that is none',
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

  test('a taken port rejects with the error of listen', async () => {
    const holder = createServer()
    opened.push(() => void holder.close())
    const port = await new Promise<number>((resolve) => {
      holder.listen(0, '127.0.0.1', () => resolve((holder.address() as { port: number }).port))
    })
    await expect(open({ port })).rejects.toMatchObject({ code: 'EADDRINUSE', syscall: 'listen', port })
  })
})

describe('health', () => {
  test('is that of the whole and of each service, by readiness', async () => {
    let ready = true
    const { health } = await open({ ready: () => ready })
    expect([await health(''), await health(echoName), await health('Plain')]).toEqual(Array(3).fill('SERVING'))
    ready = false
    expect([await health(''), await health(echoName)]).toEqual(Array(2).fill('NOT_SERVING'))
    ready = true
    expect(await health('')).toBe('SERVING')
    await expect(health('nobody')).rejects.toMatchObject({ code: status.NOT_FOUND })
  })

  test('is NOT_SERVING from the moment a stop is asked for, while calls are still taken', async () => {
    const stopping = new AbortController()
    const { health, say } = await open({ stopping: stopping.signal })
    expect(await health('')).toBe('SERVING')
    stopping.abort()
    expect([await health(''), await health(echoName)]).toEqual(Array(2).fill('NOT_SERVING'))
    expect(await say('x')).toEqual({ text: 'x' })
  })

  test('a watch sees the drain begin and then ends, which leaves the drain nothing to wait for', async () => {
    const { server, caller } = await open()
    const seen: unknown[] = []
    const first = Promise.withResolvers<void>()
    const watch = caller.stream(healthDefinition, 'Watch', { service: '' }, (message) => {
      seen.push((message as { status: string }).status)
      first.resolve()
    })
    const ended = expect(watch).rejects.toMatchObject({ code: status.UNAVAILABLE })
    await first.promise
    expect(server.inFlight).toBe(0)
    await server.stopIntake()
    await server.finish()
    await ended
    expect(seen).toEqual(['SERVING', 'NOT_SERVING'])
  })
})

describe('drain', () => {
  test('answers the call in flight, takes no new one, and then is finished', async () => {
    const { services, asked, answer } = gated()
    const { server, say } = await open({ services })
    const inFlight = say('x')
    await asked
    await server.stopIntake()
    let finished = false
    const finish = server.finish().then(() => {
      finished = true
    })
    const { say: sayNew } = callerOf(server)
    await expect(sayNew('late', { deadline: Date.now() + 2_000 })).rejects.toMatchObject({ code: status.UNAVAILABLE })
    expect(finished).toBe(false)
    answer({ text: 'done' })
    expect(await inFlight).toEqual({ text: 'done' })
    await finish
  })

  test('waits for a call in flight for as long as it takes', async () => {
    const { services, asked, answer } = gated()
    const { server, say } = await open({ services })
    const inFlight = say('x')
    await asked
    await server.stopIntake()
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    opened.push(() => void vi.useRealTimers())
    const finished = vi.fn()
    const finish = server.finish().then(finished)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(finished).not.toHaveBeenCalled()
    vi.useRealTimers()
    answer({ text: 'done' })
    await finish
    expect(await inFlight).toEqual({ text: 'done' })
  })

  test('a large answer in flight arrives whole', async () => {
    const { services, asked, answer } = gated()
    const { server, say } = await open({ services })
    const inFlight = say('x')
    await asked
    await server.stopIntake()
    answer({ text: 'y'.repeat(3_000_000) })
    await server.finish()
    await server.close()
    expect((await inFlight).text).toHaveLength(3_000_000)
  })

  test('is not held up by idle connections', async () => {
    const { server, say } = await open()
    await say('x')
    await server.stopIntake()
    await server.finish()
  })

  test('is not held up by a connection that says and reads nothing', async () => {
    const { server } = await open()
    const silent = connectTcp(server.port, server.host)
    opened.push(() => void silent.destroy())
    await new Promise((resolve) => silent.once('connect', resolve))
    await server.stopIntake()
    await server.finish()
  })

  test('close ends a call that does not', async () => {
    const { services, asked, aborted } = gated()
    const { server, say } = await open({ services })
    const inFlight = expect(say('x')).rejects.toMatchObject({ code: expect.any(Number) as number })
    await asked
    await server.stopIntake()
    await server.close()
    await server.close()
    await inFlight
    await vi.waitFor(() => expect(aborted).toHaveBeenCalledOnce())
    expect(server.inFlight).toBe(0)
  })
})
