import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { UnrecoverableError } from './errors.ts'
import { message } from './message.ts'
import type { Delivery } from './ports.ts'
import { silentLogger } from '@armature/telemetry/logger'
import { on, type OnOptions } from './on.ts'

const signal = new AbortController().signal
const context = { log: silentLogger(), signal }
const delivery = (topic: string, body: string | Uint8Array): Delivery => ({
  ...message(topic, body),
  attempt: 1,
  signal,
})
const named = { name: 'one' }
const ignore = () => undefined

describe('topics', () => {
  test.each([
    ['alerts.>', 'alerts.cpu', true],
    ['alerts.>', 'alerts.cpu.DLT', false],
    ['>', 'x.DLT', false],
    ['*', 'x', true],
    ['*.DLT', 'alerts.DLT', true],
    ['alerts.cpu.DLT', 'alerts.cpu.DLT', true],
    ['alerts.cpu', 'alerts.cpu', true],
  ])('a handler of %s gets %s: %s', (pattern, topic, wanted) => {
    expect(on(pattern, named, ignore).wants(message(topic, ''))).toBe(wanted)
  })

  test('dead letters are taken in when asked for', () => {
    expect(on('alerts.>', { ...named, deadLetters: true }, ignore).wants(message('alerts.cpu.DLT', ''))).toBe(true)
  })

  test.each([[''], ['a..b'], ['a.>.b'], ['a b'], ['a*.b']])('%j is no topic', (topic) => {
    expect(() => on(topic, named, ignore)).toThrow()
  })
})

describe('options', () => {
  test.each<[Partial<OnOptions<undefined>>, RegExp]>([
    [{ name: '' }, /named/],
    [{ name: 'Two Words' }, /named/],
    [{ name: 'x'.repeat(65) }, /named/],
    [{ count: 0 }, /count/],
    [{ count: 1.5 }, /count/],
    [{ timeoutMs: -1 }, /timeoutMs/],
    [{ maxInFlight: Number.NaN }, /maxInFlight/],
  ])('%j is refused', (options, problem) => {
    expect(() => on('a', { ...named, ...options }, ignore)).toThrow(problem)
  })

  test('a filter sees the message before the schema', () => {
    const filter = ({ headers }: { headers: Readonly<Record<string, string>> }) => headers['kind'] === 'a'
    const { wants } = on('a', { ...named, filter, schema: z.string() }, ignore)
    expect(wants(message('a', '{', { headers: { kind: 'a' } }))).toBe(true)
    expect(wants(message('a', '"x"', { headers: { kind: 'b' } }))).toBe(false)
  })

  test('what could not be decoded passes the filter, on its way to the dead letters, unless it is one of them', () => {
    const undecodable = new UnrecoverableError('undecodable', 'no CloudEvent')
    const { wants } = on('>', { ...named, filter: () => false }, ignore)
    expect(wants({ ...delivery('a', '{'), undecodable })).toBe(true)
    expect(wants({ ...delivery('a', '{'), undecodable: undefined })).toBe(false)
    expect(wants({ ...delivery('a.DLT', '{'), undecodable })).toBe(false)
  })
})

describe('schema', () => {
  const schema = z.object({ count: z.number() })
  const seen: number[] = []
  const registration = on('a', { ...named, schema }, ({ data }) => void seen.push(data.count))

  test('a body that fits is handed over as data', async () => {
    await registration.react(delivery('a', '{"count":7,"__proto__":{"polluted":1}}'), context)
    expect(seen).toEqual([7])
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  })

  test.each([
    ['{"count":"7"}', 'schema-mismatch'],
    ['{}', 'schema-mismatch'],
    ['null', 'schema-mismatch'],
    [`${'['.repeat(10_000)}${']'.repeat(10_000)}`, 'schema-mismatch'],
    ['{', 'invalid-json'],
    ['', 'invalid-json'],
    [Buffer.from([0xff]), 'invalid-json'],
  ])('%.40s is unrecoverable: %s', async (body, reason) => {
    await expect(registration.react(delivery('a', body), context)).rejects.toMatchObject({
      name: 'UnrecoverableError',
      reason,
    })
    expect(seen).toEqual([7])
  })

  test('without one the body is not looked at', async () => {
    await expect(on('a', named, ignore).react(delivery('a', '{'), context)).resolves.toBeUndefined()
  })

  test('a handler that throws before it promises rejects', async () => {
    const failing = on('a', named, () => {
      throw new Error('no')
    })
    await expect(failing.react(delivery('a', ''), context)).rejects.toThrow('no')
  })
})
