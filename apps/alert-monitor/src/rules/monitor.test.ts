import { describe, expect, test } from 'vitest'
import { bench, sample } from '../../test/monitor-bench.ts'
import { maxStepMs } from '../steady-time.ts'

describe('meters', () => {
  const rising = { type: 'rate', name: 'rising', metric: 'hits', op: '>', value: 4, windowMs: 10_000 }

  test('count as counters do', () => {
    const { monitor, until } = bench([rising])
    monitor.observe(sample('hits', 100, 'meter'))
    expect(until(1)).toEqual(['rising firing'])
  })

  test('bug: totals were counted as if each were new; what they rose by counts, also after a new start', () => {
    const { monitor, until, notices } = bench([rising])
    const total = (value: number) => monitor.observe(sample('hits', value, 'meter', { cumulative: true }))
    total(199_812)
    until(1)
    total(199_842)
    expect(until(2)).toEqual([])
    // The sender began anew: 15 more.
    total(15)
    expect(until(3)).toEqual(['rising firing'])
    expect(notices[0]?.value).toBeCloseTo(4.5, 0)
  })
})

describe('threshold', () => {
  test.each([
    ['max', '>', 90, 'hot'],
    ['p99', '>', 90, 'hot'],
    ['p50', '>', 5, 'hot'],
    ['mean', '>=', 20, 'hot'],
    ['count', '>', 4, 'hot'],
    ['last', '<', 2, 'hot'],
    ['max', '>', 95, undefined],
    ['p99', '>', 97, undefined],
    ['p50', '>', 7, undefined],
    ['mean', '>', 22, undefined],
    ['count', '>', 5, undefined],
    ['last', '<=', 0.5, undefined],
  ])('%s %s %d: %s', (stat, op, value, name) => {
    const { monitor, until, notices } = bench([{ type: 'threshold', name: 'hot', metric: 'cpu', stat, op, value }])
    for (const each of [1, 6, 6, 95, 1]) monitor.observe(sample('cpu', each, 'timer'))
    until(1)
    expect(notices[0]?.name).toBe(name)
  })

  test('resolves when the values have left the window', () => {
    const rule = { type: 'threshold', name: 'hot', metric: 'cpu', stat: 'max', op: '>', value: 90, windowMs: 30_000 }
    const { monitor, until } = bench([rule])
    monitor.observe(sample('cpu', 99))
    expect(until(29)).toEqual(['hot firing'])
    expect(until(31)).toEqual(['hot firing', 'hot resolved'])
  })

  test('too small a count is only told after a whole window, silence included', () => {
    const { monitor, until } = bench([
      { type: 'threshold', name: 'few', metric: 'hits', stat: 'count', op: '<', value: 5, windowMs: 10_000 },
    ])
    monitor.observe(sample('hits', 1, 'counter'))
    expect(until(9)).toEqual([])
    expect(until(10)).toEqual(['few firing'])
    expect(until(60)).toEqual(['few firing'])
  })

  test('series of one metric are judged apart', () => {
    const { monitor, until, notices } = bench([
      { type: 'threshold', name: 'hot', metric: 'cpu', stat: 'last', op: '>', value: 90 },
    ])
    monitor.observe(sample('cpu', 99, 'gauge', { tags: { host: 'a' } }))
    monitor.observe(sample('cpu', 10, 'gauge', { tags: { host: 'b' } }))
    until(1)
    expect(notices.map(({ labels }) => labels)).toEqual([{ host: 'a', metric: 'cpu' }])
  })

  test('a gauge takes increments', () => {
    const { monitor, until } = bench([
      { type: 'threshold', name: 'deep', metric: 'queue', stat: 'last', op: '>', value: 90 },
    ])
    monitor.observe(sample('queue', 85))
    monitor.observe(sample('queue', 10, 'gauge', { relative: true }))
    expect(until(1)).toEqual(['deep firing'])
    monitor.observe(sample('queue', -20, 'gauge', { relative: true }))
    expect(until(2)).toEqual(['deep firing', 'deep resolved'])
  })
})

describe('rate', () => {
  const rule = { type: 'rate', name: 'errors', metric: '*.errors', op: '>', value: 2, windowMs: 10_000 }

  test.each([
    [18, 1, []],
    [30, 1, ['errors firing']],
    [15, 0.5, ['errors firing']],
  ])('%d counted in 10 s, sampled at %d', (count, rate, told) => {
    const { monitor, until } = bench([rule])
    for (let index = 0; index < count; index += 1)
      monitor.observe(sample('a.errors', 1, 'counter', { weight: 1 / rate }))
    expect(until(9)).toEqual(told)
  })

  test('a counter that slows down or stops', () => {
    const { monitor, until } = bench([{ ...rule, name: 'idle', metric: 'hits', op: '<', value: 0.5 }])
    monitor.observe(sample('hits', 1, 'counter'))
    expect(until(9)).toEqual([])
    expect(until(11)).toEqual(['idle firing'])
    monitor.observe(sample('hits', 100, 'counter'))
    expect(until(12)).toEqual(['idle firing', 'idle resolved'])
  })

  test.each([
    ['>', 4, 10, ['errors firing']],
    ['>', 6, 10, []],
    ['<', -4, -10, ['errors firing']],
    ['<', -6, -10, []],
  ])('of a gauge its rise or fall: %s %d', (op, value, change, told) => {
    const { monitor, until } = bench([{ ...rule, metric: 'level', op, value }])
    monitor.observe(sample('level', 100))
    until(2)
    monitor.observe(sample('level', 100 + change))
    expect(until(3)).toEqual(told)
  })
})

describe('absence', () => {
  const rule = { type: 'absence', name: 'silent', metric: 'beat', forMs: 60_000 }

  test('of a series that was seen, and its return', () => {
    const { monitor, until, notices } = bench([rule])
    until(100)
    monitor.observe(sample('beat', 1, 'counter'))
    expect(until(159)).toEqual([])
    expect(until(160)).toEqual(['silent firing'])
    expect(notices[0]?.value).toBe(60_000)
    monitor.observe(sample('beat', 1, 'counter'))
    expect(until(161)).toEqual(['silent firing', 'silent resolved'])
  })

  test('one never seen is missed only when counted from the start', () => {
    expect(bench([rule]).until(300)).toEqual([])
    const { monitor, until, notices } = bench([{ ...rule, since: 'start' }])
    expect(until(60)).toEqual(['silent firing'])
    expect(notices[0]?.labels).toEqual({ metric: 'beat' })
    monitor.observe(sample('beat', 1, 'counter', { tags: { host: 'a' } }))
    expect(until(61)).toEqual(['silent firing', 'silent resolved'])
    expect(until(121)).toEqual(['silent firing', 'silent resolved', 'silent firing'])
    expect(notices[2]?.labels).toEqual({ host: 'a', metric: 'beat' })
  })

  test('bug: one without tags that is counted from the start was raised and resolved in every evaluation', () => {
    const { monitor, until } = bench([{ ...rule, since: 'start' }])
    expect(until(61)).toEqual(['silent firing'])
    monitor.observe(sample('beat', 1, 'counter'))
    expect(until(100)).toEqual(['silent firing', 'silent resolved'])
    expect(until(300)).toEqual(['silent firing', 'silent resolved', 'silent firing'])
  })

  test('a series that is watched is not forgotten', () => {
    const { monitor, until } = bench([{ ...rule, forMs: 600_000 }], { seriesIdleMs: 60_000 })
    monitor.observe(sample('beat', 1))
    expect(until(600)).toEqual(['silent firing'])
  })
})

describe('anomaly', () => {
  const rule = { type: 'anomaly', name: 'stall', metric: '*search', minDeviation: 250 }

  test('is told with the sample, not with the next evaluation, and resolved after a quiet time', () => {
    const { monitor, until, notices, time } = bench([rule])
    for (let index = 0; index < 1000; index += 1) monitor.observe(sample('search', 1 + (index % 5), 'timer'))
    expect(notices).toEqual([])
    monitor.observe(sample('search', 2_000, 'timer'))
    expect(notices).toMatchObject([
      { status: 'firing', name: 'stall', value: 2_000, threshold: 253, labels: { metric: 'search' } },
    ])
    monitor.observe(sample('search', 2_000, 'timer'))
    monitor.observe(sample('search', 3, 'timer'))
    expect(until(29)).toEqual(['stall firing'])
    expect(until(30)).toEqual(['stall firing', 'stall resolved'])
    expect(time.nowMs).toBe(30_000)
  })

  test('needs no minDeviation: what the series never did fires, in the direction that was asked for', () => {
    const learning = { ...rule, minDeviation: undefined }
    const rules = [learning, { ...learning, name: 'fall', direction: 'down' }]
    const { monitor, notices, time } = bench(rules)
    const observe = (value: number) => {
      time.nowMs += 10_000
      monitor.observe(sample('search', value))
    }
    for (let index = 0; index < 2_000; index += 1) observe(100 + ((index * 7_919) % 13) / 5)
    expect(notices).toEqual([])
    observe(160)
    expect(notices).toMatchObject([{ status: 'firing', name: 'stall', value: 160 }])
    expect(notices[0]?.threshold).toBeGreaterThan(102)
    expect(notices[0]?.threshold).toBeLessThan(110)
    expect(notices[0]?.summary).toMatch(
      /^anomaly\(\*search\) with a score of 0.9999: search is 160, expected 10[\d.]+ \([\d.]+ to 10[\d.]+\); a \w+ like this is seen once in \d{4,} values$/,
    )
  })
})

describe('bounds', () => {
  const rules = [
    { type: 'threshold', name: 'one', metric: 'a*', stat: 'last', op: '>', value: 1 },
    { type: 'threshold', name: 'two', metric: 'a*', stat: 'max', op: '>', value: 1 },
  ]

  test('a series past the limit is refused, those known go on, and idle ones make room', () => {
    const { monitor, until, time } = bench(rules, { maxSeries: 5, seriesIdleMs: 60_000 })
    expect(['a1', 'a2', 'a3', 'a1', 'other'].map((name) => monitor.observe(sample(name, 0)))).toEqual([
      'evaluated',
      'evaluated',
      'series-limit',
      'evaluated',
      'evaluated',
    ])
    expect(monitor.seriesCount).toBe(4)
    until(59)
    monitor.observe(sample('a1', 0))
    until(62)
    expect(monitor.seriesCount).toBe(2)
    expect(monitor.observe(sample('a3', 0))).toBe('evaluated')
    expect(time.nowMs).toBe(62_000)
  })

  test('a sample of another type than its series has is refused', () => {
    const { monitor } = bench(rules)
    monitor.observe(sample('a', 1, 'gauge'))
    expect(monitor.observe(sample('a', 1, 'counter'))).toBe('type-conflict')
  })

  test('a sample older than every window is refused, an earlier or a future one counts', () => {
    const { monitor, until } = bench([rules[1]])
    until(100)
    expect(monitor.observe(sample('a', 5, 'gauge', { timeMs: 39_000 }))).toBe('too-late')
    expect(monitor.observe(sample('a', 0, 'gauge', { timeMs: 500_000 }))).toBe('evaluated')
    expect(until(101)).toEqual([])
    expect(monitor.observe(sample('a', 5, 'gauge', { timeMs: 70_000 }))).toBe('evaluated')
    expect(until(102)).toEqual(['two firing'])
    expect(until(131)).toEqual(['two firing', 'two resolved'])
  })

  test('names like __proto__ are names', () => {
    const { monitor, until, notices } = bench([{ ...rules[0], metric: '*' }])
    for (const name of ['__proto__', 'constructor', 'toString'])
      expect(monitor.observe(sample(name, 5))).toBe('evaluated')
    until(1)
    expect(notices.map(({ labels }) => labels['metric'])).toEqual(['__proto__', 'constructor', 'toString'])
  })
})

test('an evaluation each second reads the clock often enough', () => {
  expect(maxStepMs).toBeGreaterThan(1_000)
})
