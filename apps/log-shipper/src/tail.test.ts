import { drivenClock } from '@armature/async/clock'
import { message } from '@armature/messaging/message'
import { memoryBroker } from '@armature/messaging-memory/broker'
import { describe, expect, test } from 'vitest'
import { tail } from './tail.ts'
import { jsonOf, textOf } from './tail-format.ts'
import { type TailLine, tailLine } from './tail-line.ts'
import { createMerge } from './tail-merge.ts'
import { parseCondition } from './tail-where.ts'

const lineOf = (body: string | object, headers: Readonly<Record<string, string>> = {}, timeMs = 0): TailLine => {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return tailLine(
    message('logs.shop', text, { key: 'k', time: new Date(timeMs), headers: { source: 'host-1', ...headers } }),
  )
}

describe('where', () => {
  const json = lineOf({ level: 40, service: 'shop', ms: 12.5, user: { name: 'al' }, 'a.b': 'dotted', msg: 'took long' })
  test.each([
    ['service=shop', true],
    ['service!=shop', false],
    ['service = shop', true],
    ['level>=warn', true],
    ['level>=WARNING', true],
    ['level>40', false],
    ['level<=warn', true],
    ['level=warn', true],
    ['level<error', true],
    ['ms>9', true],
    ['ms>=12.5', true],
    ['ms<100', true],
    ['ms>100', false],
    ['user.name=al', true],
    ['a.b=dotted', true],
    ['msg~^took', true],
    ['msg~fast', false],
    ['source=host-1', true],
    ['topic=logs.shop', true],
    ['key=k', true],
    ['missing=x', false],
    ['missing!=x', true],
    ['missing~.', false],
    ['constructor~.', false],
  ])('%s of a JSON line is %s', (condition, holds) => expect(parseCondition(condition)(json)).toBe(holds))

  test('a line of text has its headers only', () => {
    const line = lineOf('plain', { level: 'error', pod: 'p-1' })
    expect(['level>=warn', 'pod=p-1', 'service=host-1'].map((each) => parseCondition(each)(line))).toEqual([
      true,
      true,
      true,
    ])
    expect(parseCondition('level>=warn')(lineOf('plain'))).toBe(false)
  })

  test.each([
    ['', /is no condition/],
    ['=x', /is no condition/],
    ['service', /is no condition/],
    ['level>=loud', /names no level/],
    ['msg~(', /no regular expression/],
  ])('%j is refused', (condition, problem) => expect(() => parseCondition(condition)).toThrow(problem))
})

describe('the format', () => {
  const line = lineOf({ level: 50, time: 'x', service: 'shop', msg: 'no\u001b[2J\nway', code: 7 }, {}, 1_000)
  test('text escapes what could steer a terminal, on one line', () => {
    expect(textOf(line, false)).toBe('1970-01-01T00:00:01.000Z shop ERROR no\\u001b[2J\\nway code=7')
    expect(textOf(lineOf('plain'), false)).toBe('1970-01-01T00:00:00.000Z host-1 - plain')
  })
  test('a service has one colour, and what is bad is red', () => {
    expect(textOf(line, true)).toContain('\u001b[31mERROR\u001b[0m')
    const colour = (text: string) => /\[(\d+)mshop/.exec(text)?.[1]
    expect(colour(textOf(line, true))).toBe(colour(textOf(lineOf('x', { service: 'shop' }), true)))
  })
  test('json is an object a line', () => {
    expect(JSON.parse(jsonOf(line))).toMatchObject({
      topic: 'logs.shop',
      service: 'shop',
      level: 'error',
      line: { code: 7 },
    })
    expect(JSON.parse(jsonOf(lineOf('plain')))).toMatchObject({ line: 'plain', key: 'k' })
  })
})

describe('the merge', () => {
  const open = (maxLines = 100) => {
    const clock = drivenClock(0)
    const out: number[] = []
    const emit = async (lines: readonly { timeMs: number }[]) => void out.push(...lines.map(({ timeMs }) => timeMs))
    const failed = (error: unknown) => {
      throw error
    }
    return { clock, out, merge: createMerge({ clock, windowMs: 100, maxLines, emit, failed }) }
  }

  test('lines wait for earlier ones, and go in order of time', async () => {
    const { clock, out, merge } = open()
    await merge.add({ timeMs: 30 })
    await clock.advance(50)
    await merge.add({ timeMs: 10 })
    await merge.add({ timeMs: 40 })
    await clock.advance(49)
    expect(out).toEqual([])
    await clock.advance(1)
    expect(out).toEqual([10, 30])
    await clock.advance(100)
    expect(out).toEqual([10, 30, 40])
  })

  test('beyond its bound the earliest go at once', async () => {
    const { out, merge } = open(3)
    for (const timeMs of [4, 2, 3, 1]) await merge.add({ timeMs })
    expect(out).toEqual([1, 2, 3])
    await merge.flush()
    expect(out).toEqual([1, 2, 3, 4])
  })
})

test('follows many topics without a group, leaves out what does not fit, ends at its time', async () => {
  const clock = drivenClock(1_000_000)
  const broker = memoryBroker({ clock })
  const client = broker.connect()
  const publish = (topic: string, body: string, timeMs: number) =>
    client.publish(topic, [message(topic, body, { time: new Date(timeMs) })])
  const out: string[] = []
  const ready = Promise.withResolvers<void>()
  const ended = tail(broker.connect(), {
    ...{ topic: 'logs.>', from: 'latest', windowMs: 100, maxWindowLines: 100, clock },
    ...{ sinceMs: 999_000, untilMs: 1_005_000, where: [parseCondition('level>=warn')] },
    signal: new AbortController().signal,
    show: async (lines) => void out.push(...lines.map(({ text }) => text)),
    onReady: ready.resolve,
  })
  await clock.advance(0)
  await ready.promise
  await publish('logs.b', '{"level":"warn","n":2}', 1_000_002)
  await publish('logs.a', '{"level":50,"n":1}', 1_000_001)
  await publish('logs.a', '{"level":30,"n":0}', 1_000_001)
  await publish('logs.a', '{"level":60,"n":"old"}', 1)
  await publish('logs.a', '{"level":60,"n":"new"}', 1_005_001)
  await clock.advance(200)
  expect(out).toEqual(['{"level":50,"n":1}', '{"level":"warn","n":2}'])
  await clock.advance(7_000)
  await ended
})
