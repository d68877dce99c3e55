import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { file, open, settings } from '../test/live-world.ts'
import { ConfigError } from './faults.ts'

const rule = settings.refine(({ least, maxInFlight }) => least <= maxInFlight, { error: 'least is over maxInFlight' })

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

describe('files', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'live-config-'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  test('bug: a change in KV brought in, or was refused for, what had changed in files since the start', async () => {
    const [config, secret] = [join(folder, 'config.json'), join(folder, 'password')]
    writeFileSync(config, JSON.stringify({ maxInFlight: 3, zone: 'a' }))
    writeFileSync(secret, 'first')
    const { begin, set, hooks, rejected, live } = await open({
      argv: ['--config', config],
      env: { PASSWORD_FILE: secret },
      service: {},
    })
    expect(begin()).toMatchObject({ maxInFlight: 3, zone: 'a', password: 'first' })
    writeFileSync(config, '{ half a fi')
    rmSync(secret)
    await set({ logLevel: 'debug' })
    expect(rejected()).toEqual([])
    expect(hooks.onHot).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ logLevel: 'debug' }), ['logLevel'])

    writeFileSync(config, JSON.stringify({ maxInFlight: 4, zone: 'b' }))
    writeFileSync(secret, 'second')
    await set({ logLevel: 'info' })
    await vi.advanceTimersByTimeAsync(1_000)
    expect(hooks.onRestart).not.toHaveBeenCalled()
    expect(live.explain('maxInFlight')).toMatch(/config\.json: 3 {2}<- wins/)
  })
})

describe('the start', () => {
  test("takes the service's keys over those of all applications, of which it leaves out what it does not know", async () => {
    const { begin, live } = await open({
      application: { logLevel: 'debug', maxInFlight: '1', ofAnother: 'x' },
      service: { maxInFlight: '2' },
    })
    expect(begin()).toMatchObject({ logLevel: 'debug', maxInFlight: 2 })
    expect(live.explain('maxInFlight')).toContain('KV maxInFlight: "2"  <- wins')
  })

  test('is refused by wrong values, all of them named, where there are no good ones from before', async () => {
    const opening = open({ service: { maxInFlight: 'x', unknown: '1', consulHttpAddr: 'other:8500' } })
    await expect(opening).rejects.toBeInstanceOf(ConfigError)
    await expect(opening).rejects.toThrow(/maxInFlight[\s\S]*unknown|unknown[\s\S]*maxInFlight/)
    await expect(opening).rejects.toThrow(/consulHttpAddr \(KV consulHttpAddr\): is read before KV is/)
  })

  test('takes the last good values for wrong ones', async () => {
    const { begin, rejected } = await open({
      service: { maxInFlight: 'x', logLevel: 'debug' },
      kept: file({ maxInFlight: '7' }),
    })
    expect(begin()).toMatchObject({ maxInFlight: 7, logLevel: 'debug' })
    expect(rejected()).toEqual(['maxInFlight'])
  })

  test('without an answer takes the last good values, and follows KV when it comes', async () => {
    const { begin, events, set, hooks } = await open({ kept: file({ maxInFlight: '7' }) })
    expect(begin().maxInFlight).toBe(7)
    expect(events).toEqual([{ kind: 'started without KV', from: 'last good' }])
    await set({ maxInFlight: '7', logLevel: 'debug' })
    expect(hooks.onHot).toHaveBeenCalledOnce()
  })

  test('does not wait for an answer once it is to stop', async () => {
    const stopping = new AbortController()
    setTimeout(() => stopping.abort(), 0)
    const { begin, events } = await open({ kept: file({ maxInFlight: '7' }), signal: stopping.signal })
    expect(begin().maxInFlight).toBe(7)
    expect(events).toEqual([{ kind: 'started without KV', from: 'last good' }])
  })

  test('bug: a stop before the start waited for KV all the same', async () => {
    const { begin } = await open({ kept: file({ maxInFlight: '7' }), signal: AbortSignal.abort() })
    expect(begin().maxInFlight).toBe(7)
  })

  test('without an answer or good values takes flags, environment, file and defaults', async () => {
    const { begin, events } = await open({ env: { MAX_IN_FLIGHT: '3' } })
    expect(begin()).toMatchObject({ maxInFlight: 3, logLevel: 'info' })
    expect(events).toEqual([{ kind: 'started without KV', from: 'none' }])
  })

  test('survives last good values that a new version of the service does not take', async () => {
    const { begin, rejected } = await open({ kept: file({ maxInFlight: '7', gone: 'x', least: 'y' }) })
    expect(begin()).toMatchObject({ maxInFlight: 7, least: 0 })
    expect(rejected()).toEqual(['gone', 'least'])
  })
})

describe('a change', () => {
  test('of a hot setting is applied and kept', async () => {
    const kept = file()
    const { begin, set, hooks, events } = await open({ service: {}, kept })
    begin()
    await set({ logLevel: 'debug' })
    expect(hooks.onHot).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ logLevel: 'debug' }), ['logLevel'])
    expect(hooks.onRestart).not.toHaveBeenCalled()
    expect(events).toEqual([{ kind: 'applied', keys: ['logLevel'] }])
    expect(kept.writes.at(-1)).toEqual({ logLevel: 'debug' })
    await set({})
    expect(hooks.onHot).toHaveBeenLastCalledWith(expect.objectContaining({ logLevel: 'info' }), ['logLevel'])
  })

  test('of another setting asks for a restart after the splay, and the next start has it', async () => {
    const { begin, set, hooks, events } = await open({ service: {} })
    begin()
    await set({ maxInFlight: '2', logLevel: 'debug' })
    expect(hooks.onHot).toHaveBeenCalledOnce()
    expect(events).toContainEqual({ kind: 'restarting', keys: ['maxInFlight'], inMs: 500 })
    await vi.advanceTimersByTimeAsync(499)
    expect(hooks.onRestart).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(1)
    expect(hooks.onRestart).toHaveBeenCalledExactlyOnceWith(['maxInFlight'])
    expect(begin()).toMatchObject({ maxInFlight: 2, logLevel: 'debug' })
    await vi.advanceTimersByTimeAsync(10_000)
    expect(hooks.onRestart).toHaveBeenCalledOnce()
  })

  test('that is taken back within the splay restarts nothing', async () => {
    const { begin, set, hooks } = await open({ service: {} })
    begin()
    await set({ maxInFlight: '2' })
    await set({})
    await vi.advanceTimersByTimeAsync(10_000)
    expect(hooks.onRestart).not.toHaveBeenCalled()
  })

  test.each([
    ['a wrong type', { maxInFlight: 'many' }, 'maxInFlight'],
    ['an unknown key', { maxInFlgiht: '1' }, 'maxInFlgiht'],
    ['what is read before KV', { consulHttpAddr: 'other:8500' }, 'consulHttpAddr'],
  ] as const)(
    'to %s is rejected by its key, the old value stays, and the others are taken',
    async (_name, bad, key) => {
      const { begin, set, hooks, rejected } = await open({ service: { maxInFlight: '2' } })
      begin()
      await set({ maxInFlight: '2', ...bad, logLevel: 'debug' })
      expect(rejected()).toEqual([key])
      expect(hooks.onHot).toHaveBeenCalledWith(expect.objectContaining({ maxInFlight: 2 }), ['logLevel'])
      await vi.advanceTimersByTimeAsync(10_000)
      expect(hooks.onRestart).not.toHaveBeenCalled()
    },
  )

  test('that breaks a rule over several settings is left out as a whole', async () => {
    const { begin, set, hooks, events } = await open({ service: {}, schema: rule })
    begin()
    await set({ least: '50', logLevel: 'debug' })
    expect(events).toMatchObject([{ kind: 'rejected', faults: [{ key: '*' }] }])
    expect(hooks.onHot).not.toHaveBeenCalled()
  })

  test('that a stronger layer hides changes nothing', async () => {
    const { begin, set, events } = await open({ service: {}, env: { LOG_LEVEL: 'debug' } })
    begin()
    await set({ logLevel: 'info' })
    expect(events).toEqual([])
  })

  test('that is rejected tells no secret', async () => {
    const { begin, set, events } = await open({ service: { password: 'hunter2' }, schema: settings })
    begin()
    await set({ password: '', maxInFlight: 'hunter3' })
    await set({ password: 'hunter4', maxInFlight: '1' })
    expect(JSON.stringify(events)).not.toMatch(/hunter[24]/)
  })

  test('between begin and follow is told by follow', async () => {
    const { live, set, hooks } = await open({ service: {} })
    live.begin()
    await set({ logLevel: 'debug' })
    expect(hooks.onHot).not.toHaveBeenCalled()
    live.follow(hooks)
    expect(hooks.onHot).toHaveBeenCalledOnce()
  })

  test('is told to the hooks of the last start only, and to none after close', async () => {
    const { live, begin, set, hooks } = await open({ service: {} })
    begin()
    const next = { onHot: vi.fn(), onRestart: vi.fn(), onEvent: vi.fn() }
    live.begin()
    live.follow(next)
    await set({ logLevel: 'debug' })
    expect([hooks.onHot.mock.calls.length, next.onHot.mock.calls.length]).toEqual([0, 1])
    live.close()
    await set({ maxInFlight: '2' })
    await vi.advanceTimersByTimeAsync(10_000)
    expect(next.onRestart).not.toHaveBeenCalled()
  })
})

test('a store that cannot be read, and a file that cannot be written, are told and change nothing', async () => {
  const kept = { ...file(), write: () => expect.fail('read-only') }
  const { kv, begin, events } = await open({ service: { maxInFlight: '2' }, kept })
  expect(begin().maxInFlight).toBe(2)
  kv.fail(new Error('no leader'))
  expect(events.map(({ kind }) => kind)).toEqual(['not kept', 'unreachable', 'unreachable'])
})
