import { describe, expect, test } from 'vitest'
import { bench, sample } from '../../test/monitor-bench.ts'

describe('hysteresis', () => {
  test.each([
    ['>', 90, 80, [85, 95, 85, 81, 80], ['hot firing', 'hot resolved'], [95, 80]],
    ['<', 10, 20, [15, 5, 15, 19, 20], ['hot firing', 'hot resolved'], [5, 20]],
  ])('%s %d clears at %d', (op, value, clear, values, told) => {
    const { monitor, until } = bench([
      { type: 'threshold', name: 'hot', metric: 'cpu', stat: 'last', op, value, clear, windowMs: 10_000 },
    ])
    const heard = values.map((each, second) => {
      monitor.observe(sample('cpu', each))
      return until(second + 1).length
    })
    expect(heard).toEqual([0, 1, 1, 1, 2])
    expect(until(values.length)).toEqual(told)
  })

  test('begins anew after a silence', () => {
    const rule = { type: 'threshold', name: 'hot', metric: 'cpu', stat: 'last', op: '>', value: 90, clear: 80 }
    const { monitor, until } = bench([{ ...rule, windowMs: 10_000 }])
    monitor.observe(sample('cpu', 95))
    expect(until(20)).toEqual(['hot firing', 'hot resolved'])
    monitor.observe(sample('cpu', 85))
    expect(until(22)).toEqual(['hot firing', 'hot resolved'])
  })
})

describe('quantile', () => {
  test.each([
    [0.999, 500, true],
    [0.99, 500, false],
    [0, 0.9, true],
    [1, 899, true],
  ])('%d over %d: %s', (q, value, fires) => {
    const { monitor, until } = bench([{ type: 'quantile', name: 'tail', metric: 'search', q, op: '>', value }])
    for (let index = 0; index < 1_000; index += 1)
      monitor.observe(sample('search', index % 500 === 0 ? 900 : 1, 'timer'))
    expect(until(1)).toEqual(fires ? ['tail firing'] : [])
  })
})

describe('predict-linear', () => {
  const rule = { type: 'predict-linear', name: 'full', metric: 'disk', in: '10m', op: '<', value: 0, window: '2m' }

  test.each([
    ['falls to 0 within the time', 1, ['full firing']],
    ['falls too slowly', 0.5, []],
    ['rises', -1, []],
  ])('a disk that %s', (_, fallPerSecond, told) => {
    const { monitor, until } = bench([rule])
    for (let second = 0; second < 120; second += 10) {
      monitor.observe(sample('disk', 600 - fallPerSecond * second))
      until(second + 10)
    }
    expect(until(120)).toEqual(told)
  })

  test('says nothing by two values that stand close together', () => {
    const { monitor, until } = bench([rule])
    monitor.observe(sample('disk', 600))
    until(1)
    monitor.observe(sample('disk', 500))
    expect(until(59)).toEqual([])
  })

  test('many values at one time are no line', () => {
    const { monitor, until } = bench([rule])
    for (let index = 0; index < 1_000; index += 1) monitor.observe(sample('disk', 600 - index))
    expect(until(60)).toEqual([])
  })
})

describe('ratio', () => {
  const rule = {
    type: 'ratio',
    name: 'failing',
    metric: 'errors',
    denominator: 'requests',
    op: '>',
    value: 0.1,
    window: '1m',
  }
  const count = (name: string, times: number, tags: Record<string, string> = {}) =>
    sample(name, times, 'counter', { tags })

  test.each([
    [11, 100, ['failing firing']],
    [10, 100, []],
    [0, 100, []],
    [5, 0, []],
  ])('%d of %d', (errors, requests, told) => {
    const { monitor, until } = bench([{ ...rule, minDenominator: 10 }])
    if (errors > 0) monitor.observe(count('errors', errors))
    if (requests > 0) monitor.observe(count('requests', requests))
    expect(until(1)).toEqual(told)
  })

  test('says nothing under the floor of the denominator, and resolves there', () => {
    const { monitor, until } = bench([{ ...rule, minDenominator: 100 }])
    monitor.observe(count('errors', 50))
    monitor.observe(count('requests', 99))
    expect(until(1)).toEqual([])
    monitor.observe(count('requests', 1))
    expect(until(2)).toEqual(['failing firing'])
    expect(until(70)).toEqual(['failing firing', 'failing resolved'])
  })

  test('is of equal tags', () => {
    const { monitor, until, notices } = bench([rule])
    monitor.observe(count('errors', 50, { host: 'a' }))
    monitor.observe(count('requests', 1_000, { host: 'a' }))
    monitor.observe(count('errors', 50, { host: 'b' }))
    monitor.observe(count('requests', 100, { host: 'b' }))
    monitor.observe(count('errors', 50, { host: 'c' }))
    until(1)
    expect(notices.map(({ labels }) => labels)).toEqual([{ host: 'b', metric: 'errors' }])
    expect(notices[0]?.value).toBeCloseTo(0.5)
  })

  test('adds up what differs in tags that are not named by on; one metric may be both parts', () => {
    const own = { metric: 'http', where: { status: '5*' }, denominator: 'http', on: ['service'] }
    const { monitor, until, notices } = bench([{ ...rule, ...own }])
    for (const [service, status, times] of [
      ['a', '200', 60],
      ['a', '404', 20],
      ['a', '500', 10],
      ['a', '503', 10],
      ['b', '200', 100],
      ['b', '500', 5],
    ] as const)
      monitor.observe(count('http', times, { service, status }))
    until(1)
    expect(notices.map(({ labels, value }) => [labels, value])).toEqual([[{ service: 'a', metric: 'http' }, 0.2]])
  })

  test('that is no number says nothing', () => {
    const { monitor, until } = bench([{ ...rule, minDenominator: 1e-300 }])
    monitor.observe(count('errors', 1e15))
    monitor.observe(count('requests', 1e-300))
    expect(until(1)).toEqual([])
  })

  test('is forgotten with the last of its series', () => {
    const { monitor, until } = bench([rule], { seriesIdleMs: 60_000 })
    monitor.observe(count('requests', 1))
    until(50)
    monitor.observe(count('errors', 1))
    expect(monitor.seriesCount).toBe(2)
    until(130)
    expect(monitor.seriesCount).toBe(0)
  })
})

test('where chooses series by their tags; an absent tag is the empty text', () => {
  const rule = { type: 'threshold', metric: 'cpu', stat: 'last', op: '>', value: 1 }
  const { monitor, until, notices } = bench([
    { ...rule, name: 'db', where: { host: 'db*', zone: 'a' } },
    { ...rule, name: 'none', where: { host: '' } },
  ])
  for (const tags of [{ host: 'db1', zone: 'a' }, { host: 'db1', zone: 'b' }, { host: 'web' }, {}])
    monitor.observe(sample('cpu', 5, 'gauge', { tags }))
  until(1)
  expect(notices.map(({ name, labels }) => [name, labels['host']])).toEqual([
    ['db', 'db1'],
    ['none', undefined],
  ])
})
