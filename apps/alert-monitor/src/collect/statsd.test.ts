import { describe, expect, test } from 'vitest'
import fc from 'fast-check'
import { check, inputs } from '../../test/statsd.decoder.ts'
import { countLines, parseStatsd } from './statsd.ts'

const parse = (text: string) => parseStatsd(Buffer.from(text))
const plain = { weight: 1, relative: false, tags: {} }

describe('a line that follows the protocol', () => {
  test.each([
    ['search:12|ms', { ...plain, name: 'search', type: 'timer', value: 12 }],
    ['search:0.5|ms', { ...plain, name: 'search', type: 'timer', value: 0.5 }],
    ['hits:1|c', { ...plain, name: 'hits', type: 'counter', value: 1 }],
    ['hits:-1|c', { ...plain, name: 'hits', type: 'counter', value: -1 }],
    ['hits:3|c|@0.1', { ...plain, name: 'hits', type: 'counter', value: 3, weight: 10 }],
    ['hits:3|c|@1', { ...plain, name: 'hits', type: 'counter', value: 3 }],
    ['search:320|ms|@0.5', { ...plain, name: 'search', type: 'timer', value: 320, weight: 2 }],
    ['depth:333|g', { ...plain, name: 'depth', type: 'gauge', value: 333 }],
    ['depth:-10|g', { ...plain, name: 'depth', type: 'gauge', value: -10, relative: true }],
    ['depth:+4|g', { ...plain, name: 'depth', type: 'gauge', value: 4, relative: true }],
    ['users:765|s', { ...plain, name: 'users', type: 'set', value: 1, member: '765' }],
    ['users:a:b|s', { ...plain, name: 'users', type: 'set', value: 1, member: 'a:b' }],
    ['size:-3e2|h', { ...plain, name: 'size', type: 'histogram', value: -300 }],
    ['size:7|d|#b:2,a:1', { ...plain, name: 'size', type: 'distribution', value: 7, tags: { a: '1', b: '2' } }],
    [
      'hits:1|c|#urgent,env:eu:1',
      { ...plain, name: 'hits', type: 'counter', value: 1, tags: { urgent: '', env: 'eu:1' } },
    ],
    ['hits:1|c|c:83c0a|T1656581400|e:it-1|card:low', { ...plain, name: 'hits', type: 'counter', value: 1 }],
    ['größe.日本:1|c', { ...plain, name: 'größe.日本', type: 'counter', value: 1 }],
    ['search:12|ms\r', { ...plain, name: 'search', type: 'timer', value: 12 }],
  ])('%j is read', (line, sample) => {
    expect(parse(line)).toEqual({ samples: [sample], refused: [] })
  })
})

describe('bug: a line that its servers take was refused or misread', () => {
  const counter = { ...plain, type: 'counter', value: 1 }

  test('several typed values, each with a rate of its own', () => {
    const { samples, refused } = parse('shop.multi:0|ms|@0.1:0|ms|:1|ms')
    expect(refused).toEqual([])
    expect(samples.map(({ type, value, weight }) => [type, value, weight])).toEqual([
      ['timer', 0, 10],
      ['timer', 0, 1],
      ['timer', 1, 1],
    ])
    expect(parse('shop.multi:1|c:1|c:2|c').samples.map(({ value }) => value)).toEqual([1, 1, 2])
    expect(parse('shop.packed:1:2|ms|@0.5:3|c').samples.map(({ type, weight }) => [type, weight])).toEqual([
      ['timer', 2],
      ['timer', 2],
      ['counter', 1],
    ])
  })

  test('several values of different types, with the tags of the line', () => {
    const { samples, refused } = parse('shop.mixed:1|c:1|ms:2|s:+1|g|#t:x:y')
    expect(refused).toEqual([])
    const shared = { name: 'shop.mixed', weight: 1, tags: { t: 'x:y' } }
    expect(samples).toEqual([
      { ...shared, type: 'counter', value: 1, relative: false },
      { ...shared, type: 'timer', value: 1, relative: false },
      { ...shared, type: 'set', value: 1, relative: false, member: '2' },
      { ...shared, type: 'gauge', value: 1, relative: true },
    ])
  })

  test.each([
    ['shop.count:1|c|@1|#t1:x,#t2:y', { ...counter, name: 'shop.count', tags: { t1: 'x', t2: 'y' } }],
    ['shop.count:1|c|#t1:x, t2:y', { ...counter, name: 'shop.count', tags: { t1: 'x', t2: 'y' } }],
    ['shop.count:1|c|#,t1:x,', { ...counter, name: 'shop.count', tags: { t1: 'x' } }],
    ['shop.count:1|c|#', { ...counter, name: 'shop.count' }],
    ['shop.count:1|c|', { ...counter, name: 'shop.count' }],
    ['shop.count:1|c||#t:x|', { ...counter, name: 'shop.count', tags: { t: 'x' } }],
    ['shop.count:1|c|#t:x|c:ci-9|@0.5', { ...counter, name: 'shop.count', weight: 2, tags: { t: 'x' } }],
    ['shop.meter:5|m', { ...plain, name: 'shop.meter', type: 'meter', value: 5 }],
    ['shop.meter:199812|C|@0.1', { ...plain, name: 'shop.meter', type: 'meter', value: 199_812, cumulative: true }],
    ['cpu.idle,host=a,region=west:1|c', { ...counter, name: 'cpu.idle', tags: { host: 'a', region: 'west' } }],
    ['cpu.idle;host=a;region=west:1|c', { ...counter, name: 'cpu.idle', tags: { host: 'a', region: 'west' } }],
    ['cpu.idle#host=a,region=west:1|c', { ...counter, name: 'cpu.idle', tags: { host: 'a', region: 'west' } }],
    ['cpu.idle[host=a,region=west]:1|c', { ...counter, name: 'cpu.idle', tags: { host: 'a', region: 'west' } }],
    ['cpu[host=a].idle:1|c', { ...counter, name: 'cpu.idle', tags: { host: 'a' } }],
    ['cpu.idle,host=a=b:1|c', { ...counter, name: 'cpu.idle', tags: { host: 'a=b' } }],
    ['queue[0].size:1|c', { ...counter, name: 'queue[0].size' }],
    ['cpu.idle,host=a:1|c|#host:b,x:y', { ...counter, name: 'cpu.idle', tags: { host: 'b', x: 'y' } }],
    ['users:a:b|s|', { ...plain, name: 'users', type: 'set', value: 1, member: 'a:b' }],
  ])('%j is read', (line, sample) => {
    expect(parse(line)).toEqual({ samples: [sample], refused: [] })
  })

  test.each([
    ['cpu,host:1|c', 'bad-tags', 0],
    ['cpu,=a:1|c', 'bad-tags', 0],
    [',host=a:1|c', 'bad-name', 0],
    ['[host=a]:1|c', 'bad-name', 0],
    ['cpu,host=a', 'no-value', 0],
    ['a:1|c:x|ms:2|c', 'bad-value', 2],
    ['a:1|c:2', 'bad-type', 1],
    ['a:1|c:', 'bad-type', 1],
    ['a:1|c|@9:2|c', 'bad-rate', 1],
    ['a:1|c|x:2|c:|y', 'unknown-section', 1],
    [`a:1|c:${Array.from({ length: 128 }, () => '1').join(':')}|c`, 'too-many-values', 0],
  ])('%j is refused once, as %s; its good values count', (line, reason, good) => {
    const { samples, refused } = parse(line)
    expect(refused.map((each) => each.reason)).toEqual([reason])
    expect(samples).toHaveLength(good)
  })
})

describe('a line that breaks the protocol', () => {
  test.each([
    ['search', 'no-value'],
    ['search:|ms', 'no-value'],
    ['search:1::2|ms', 'no-value'],
    ['users:|s', 'no-value'],
    ['search:abc|ms', 'bad-value'],
    ['search:NaN|ms', 'bad-value'],
    ['search:Infinity|ms', 'bad-value'],
    ['search:0x10|ms', 'bad-value'],
    ['search:1e400|ms', 'bad-value'],
    ['search:1e16|ms', 'bad-value'],
    ['search:-1|ms', 'bad-value'],
    ['search: 1|ms', 'bad-value'],
    [`users:${'x'.repeat(257)}|s`, 'bad-value'],
    ['search:1', 'bad-type'],
    ['search:1|', 'bad-type'],
    ['search:1|x', 'bad-type'],
    ['search:1|constructor', 'bad-type'],
    ['hits:1|c|@0', 'bad-rate'],
    ['hits:1|c|@-0.1', 'bad-rate'],
    ['hits:1|c|@NaN', 'bad-rate'],
    ['hits:1|c|@', 'bad-rate'],
    ['hits:1|c|@1.01', 'bad-rate'],
    ['hits:1|c|@1e-300', 'bad-rate'],
    ['hits:1|c|#:1', 'bad-tags'],
    [`hits:1|c|#${Array.from({ length: 33 }, (_, index) => `t${index}`).join()}`, 'too-many-tags'],
    [`hits:1|c|#a:${'x'.repeat(256)}`, 'tag-too-long'],
    ['hits:1|c|#a:\u0000', 'bad-tags'],
    ['hits:1|c|huh', 'unknown-section'],
    [':1|c', 'bad-name'],
    ['a b:1|c', 'bad-name'],
    ['a\u2028b:1|c', 'bad-name'],
    ['a\u0000b:1|c', 'bad-name'],
    [`${'x'.repeat(257)}:1|c`, 'bad-name'],
    ['_e{5,4}:title|text', 'unsupported'],
    ['_sc|agent.up|0', 'unsupported'],
    [`a:${Array.from({ length: 129 }, () => '1').join(':')}|ms`, 'too-many-values'],
    [`a:1|c|#${'x,'.repeat(2050)}`, 'too-long'],
  ])('%j is refused as %s', (line, reason) => {
    const { samples, refused } = parse(line)
    expect(samples).toEqual([])
    expect(refused.map((each) => each.reason)).toEqual([reason])
  })

  test('invalid UTF-8 is refused, by its line alone', () => {
    const packet = Buffer.concat([Buffer.from('a:1|c\n'), Buffer.from([0xc3, 0x28]), Buffer.from('\nb:2|c')])
    const { samples, refused } = parseStatsd(packet)
    expect(samples.map(({ name }) => name)).toEqual(['a', 'b'])
    expect(refused.map(({ reason }) => reason)).toEqual(['not-utf8'])
  })

  test('the excerpt is one short printable line', () => {
    expect(parse(`\u001b[31m${'x'.repeat(500)}:1|c`).refused[0]?.excerpt).toMatch(/^\?\[31mx{75}$/)
  })
})

test('a packet holds several lines, a line several values; empty lines count for nothing', () => {
  const { samples, refused } = parse('a:1|c\n\nb:2:3|ms\nbad\n')
  expect(samples.map(({ name, value }) => [name, value])).toEqual([
    ['a', 1],
    ['b', 2],
    ['b', 3],
  ])
  expect(refused).toHaveLength(1)
  expect(countLines(Buffer.from('a:1|c\n\nb:2:3|ms\nbad\n'))).toBe(3)
})

test('tags named after prototype members stay data', () => {
  const [sample] = parse('hits:1|c|#__proto__:x,constructor:y').samples
  expect(Object.keys(sample?.tags ?? {})).toEqual(['__proto__', 'constructor'])
  expect(({} as Record<string, unknown>)['x']).toBeUndefined()
})

test('any bytes are read or refused, never thrown at, and every value is finite', () => {
  const near = fc.stringMatching(/^[a-zCT:|@#.0-9+,;=[\]\- \n]{0,60}$/).map((text) => Buffer.from(text))
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), near), (packet) => {
      const { samples, refused } = parseStatsd(packet)
      const lines = countLines(packet)
      expect(refused.length).toBeLessThanOrEqual(lines)
      expect(samples.length + refused.length).toBeGreaterThanOrEqual(lines)
      for (const { value, weight } of samples) expect([value, weight].every(Number.isFinite)).toBe(true)
    }),
    { seed: 7, numRuns: 2000 },
  )
})

test('packets near the protocol are read, judged and reported within their bounds', () => {
  fc.assert(fc.property(inputs, check), { numRuns: 5_000 })
})
