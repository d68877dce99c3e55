import { connect as connectTcp } from 'node:net'
import { status } from '@grpc/grpc-js'
import { describe, expect, test, vi } from 'vitest'
import { echoName, healthDefinition } from './echo.ts'
import { useServers } from './grpc-servers.ts'

const { opened, open, callerOf, gated } = useServers()

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

test('a connection of some age is made anew, and no call fails of it', async () => {
  const { say, finished } = await open({ maxConnectionAgeMs: 100 })
  const peers = () => new Set(finished.map(({ peer }) => peer))
  await vi.waitFor(async () => {
    await Promise.all(Array.from({ length: 20 }, () => say('x')))
    expect(peers().size).toBeGreaterThan(3)
  }, 10_000)
}, 20_000)

test('calls that go on beyond the grace of an old connection are cut', async () => {
  const { services, asked } = gated()
  const { say } = await open({ services, maxConnectionAgeMs: 50, maxConnectionAgeGraceMs: 50 })
  const cut = expect(say('x')).rejects.toMatchObject({ code: expect.any(Number) as number })
  await asked
  await cut
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
    await vi.waitFor(() => expect(aborted).toHaveBeenCalledOnce(), { timeout: 10_000 })
    expect(server.inFlight).toBe(0)
  })
})
