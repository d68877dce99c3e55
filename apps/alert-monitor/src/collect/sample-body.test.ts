import { describe, expect, test } from 'vitest'
import { bodyLimits, parseSampleBody } from './sample-body.ts'

const parse = (body: unknown) => parseSampleBody(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)))
const plain = { weight: 1, relative: false, tags: {}, timeMs: undefined }

describe('samples that fit', () => {
  test.each([
    [
      { name: 'cpu', value: 0.5 },
      { ...plain, name: 'cpu', type: 'gauge', value: 0.5 },
    ],
    [
      { name: 'cpu', value: -0.5, type: 'g' },
      { ...plain, name: 'cpu', type: 'gauge', value: -0.5 },
    ],
    [
      { name: 'search', value: 3, type: 'timer' },
      { ...plain, name: 'search', type: 'timer', value: 3 },
    ],
    [
      { name: 'hits', value: 3, type: 'c', rate: 0.5 },
      { ...plain, name: 'hits', type: 'counter', value: 3, weight: 2 },
    ],
    [
      { name: 'users', value: 7, type: 'set' },
      { ...plain, name: 'users', type: 'set', value: 1, member: '7' },
    ],
    [
      { name: 'cpu', value: 1, time: '2026-01-02T03:04:05Z', tags: { b: '2', a: '1' }, host: 'ignored' },
      {
        ...plain,
        name: 'cpu',
        type: 'gauge',
        value: 1,
        timeMs: Date.UTC(2026, 0, 2, 3, 4, 5),
        tags: { a: '1', b: '2' },
      },
    ],
    [
      { name: 'cpu', value: 1, time: 1000 },
      { ...plain, name: 'cpu', type: 'gauge', value: 1, timeMs: 1000 },
    ],
  ])('%j is read', (body, sample) => {
    expect(parse(body)).toEqual({ samples: [sample], refused: [] })
  })

  test('an array is read item by item, StatsD lines as lines', () => {
    expect(parse([{ name: 'a', value: 1 }, { name: 'b' }])).toMatchObject({
      samples: [{ name: 'a' }],
      refused: [{ reason: 'no-value', excerpt: 'name b' }],
    })
    expect(parse('a:1|c\nb:2|c').samples).toHaveLength(2)
    expect(parse('')).toEqual({ samples: [], refused: [] })
  })
})

describe('samples that do not fit', () => {
  test.each([
    ['{"name":"cpu","value":1', 'bad-json'],
    [[1], 'bad-json'],
    [[null], 'bad-json'],
    [[[]], 'bad-json'],
    [{ value: 1 }, 'bad-name'],
    [{ name: 'a b', value: 1 }, 'bad-name'],
    [{ name: 7, value: 1 }, 'bad-name'],
    [{ name: 'cpu' }, 'no-value'],
    [{ name: 'cpu', value: null }, 'no-value'],
    [{ name: 'cpu', value: '1' }, 'bad-value'],
    ['{"name":"cpu","value":1e999}', 'bad-value'],
    [{ name: 'cpu', value: -1, type: 'timer' }, 'bad-value'],
    [{ name: 'users', value: '', type: 'set' }, 'bad-value'],
    [{ name: 'cpu', value: 1, type: 'meter' }, 'bad-type'],
    [{ name: 'cpu', value: 1, type: 3 }, 'bad-type'],
    [{ name: 'cpu', value: 1, rate: 0 }, 'bad-rate'],
    [{ name: 'cpu', value: 1, rate: '1' }, 'bad-rate'],
    [{ name: 'cpu', value: 1, tags: { a: 1 } }, 'bad-tags'],
    [{ name: 'cpu', value: 1, tags: 'a' }, 'bad-tags'],
    [{ name: 'cpu', value: 1, time: 'yesterday' }, 'bad-time'],
    [{ name: 'cpu', value: 1, time: '2026-13-45T00:00:00Z' }, 'bad-time'],
    [{ name: 'cpu', value: 1, time: {} }, 'bad-time'],
    [' '.repeat(bodyLimits.maxBytes + 1), 'too-long'],
    [`[${'1,'.repeat(bodyLimits.maxSamples)}1]`, 'too-many-values'],
    ['['.repeat(10_000), 'bad-json'],
    [`${'['.repeat(10_000)}${']'.repeat(10_000)}`, 'bad-json'],
    [`{"name":"cpu","value":${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}}`, 'bad-value'],
  ])('%.60j is refused as %s', (body, reason) => {
    const { samples, refused } = parse(body)
    expect(samples).toEqual([])
    expect(refused.map((each) => each.reason)).toEqual([reason])
  })

  test('invalid UTF-8', () => {
    const body = Buffer.concat([Buffer.from('{"name":"'), Buffer.from([0xff]), Buffer.from('"}')])
    expect(parseSampleBody(body).refused.map(({ reason }) => reason)).toEqual(['not-utf8'])
  })
})

test('members named after the prototype change nothing', () => {
  const { samples } = parse('{"name":"cpu","value":1,"__proto__":{"polluted":1},"tags":{"__proto__":"x"}}')
  expect(samples).toHaveLength(1)
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
})

describe('bug: a sample with an odd name threw, and its message came again and again', () => {
  test.each([
    ['{"name":{"toString":1,"valueOf":1},"value":1}'],
    [`{"name":${'['.repeat(20_000)}${']'.repeat(20_000)},"value":1}`],
  ])('%.40s', (body) => {
    expect(parse(body)).toEqual({ samples: [], refused: [{ reason: 'bad-name', excerpt: 'object' }] })
  })
})

test('bug: a tag of the name __proto__ was left out, so that different series were one', () => {
  const [sample] = parse('{"name":"a","value":1,"tags":{"__proto__":"x"}}').samples
  expect(Object.entries(sample?.tags ?? {})).toEqual([['__proto__', 'x']])
})

test.each(['[]', '"text"', 'null', '{"a":1}'])('tags that are %s are refused', (tags) => {
  expect(parse(`{"name":"a","value":1,"tags":${tags}}`).refused).toMatchObject([{ reason: 'bad-tags' }])
})
