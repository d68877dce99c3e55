import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { parseStatsd } from '../collect/statsd.ts'
import { bench, sample } from '../../test/monitor-bench.ts'

const heapBytes = () => {
  setFlagsFromString('--expose-gc')
  ;(runInNewContext('gc') as () => void)()
  return process.memoryUsage().heapUsed
}

test.each([
  ['tags', (number: number) => `hits:1|c|#user:${number}`],
  ['names', (number: number) => `hits.${number}:1|c`],
])('a million different %s leave the memory as it is, and are counted', { timeout: 120_000 }, (_, lineOf) => {
  const rules = [
    { type: 'threshold', name: 'many', metric: 'hits*', stat: 'count', op: '>', value: 1e9 },
    { type: 'ratio', name: 'ratio', metric: 'hits', denominator: 'hits', op: '>', value: 2 },
  ]
  const { monitor } = bench(rules, { maxSeries: 100 })
  const outcomes: Record<string, number> = {}
  const send = (from: number, to: number) => {
    for (let number = from; number < to; number += 1)
      for (const each of parseStatsd(Buffer.from(lineOf(number))).samples) {
        const outcome = monitor.observe(each)
        outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
      }
  }
  send(0, 50_000)
  const before = heapBytes()
  send(50_000, 1_000_000)
  expect(heapBytes() - before).toBeLessThan(10_000_000)
  expect(monitor.seriesCount).toBeLessThanOrEqual(100)
  expect(outcomes['series-limit']).toBe(1_000_000 - (outcomes['evaluated'] ?? 0))
  expect(outcomes['evaluated']).toBeLessThanOrEqual(100)
})

describe('bug: sets by UDP could hold 10,000 members a series for ever', () => {
  const many = { type: 'threshold', name: 'many', metric: '*', stat: 'count', op: '>', value: 1e9, windowMs: 10_000 }
  const member = (name: string, text: string) => sample(name, 1, 'set', { member: text })

  test('members have room in all series together; one more is counted, one that is known is taken', () => {
    const { monitor } = bench([many], { maxSetMembers: 3 })
    expect(['a', 'b', 'a'].map((text) => monitor.observe(member('x', text)))).toEqual(Array(3).fill('evaluated'))
    expect(monitor.observe(member('y', 'a'))).toBe('evaluated')
    expect(monitor.observe(member('y', 'b'))).toBe('member-limit')
    expect(monitor.observe(member('x', 'c'))).toBe('member-limit')
    expect(monitor.observe(member('x', 'b'))).toBe('evaluated')
    expect(monitor.setMemberCount).toBe(3)
  })

  test('those that left the window make room, and so does a series that is forgotten', () => {
    const { monitor, until } = bench([many], { maxSetMembers: 2, seriesIdleMs: 60_000 })
    monitor.observe(member('x', 'a'))
    monitor.observe(member('x', 'b'))
    expect(monitor.observe(member('y', 'a'))).toBe('member-limit')
    until(11)
    expect(monitor.setMemberCount).toBe(0)
    expect(monitor.observe(member('y', 'a'))).toBe('evaluated')
    until(80)
    expect([monitor.seriesCount, monitor.setMemberCount]).toEqual([0, 0])
  })

  test.each([
    { type: 'threshold', name: 'r', metric: 'x', stat: 'p99', op: '>', value: 1 },
    { type: 'rate', name: 'r', metric: 'x', op: '>', value: 1 },
    { type: 'absence', name: 'r', metric: 'x', forMs: 60_000 },
    { type: 'anomaly', name: 'r', metric: 'x', minDeviation: 1 },
  ])('a rule of type $type that cannot count them holds none', (rule) => {
    const { monitor } = bench([rule])
    expect(monitor.observe(member('x', 'a'))).toBe('evaluated')
    expect(monitor.setMemberCount).toBe(0)
  })

  test('a member holds its own text alone in memory, not the line it came in', () => {
    const { monitor } = bench([{ ...many, windowMs: 86_400_000 }], { maxSetMembers: 10_000 })
    const before = heapBytes()
    for (let number = 0; number < 10_000; number += 1) {
      const line = `${'x'.repeat(4_000)}${number}-of-a-longer-text`
      monitor.observe(member('x', line.slice(-24)))
    }
    expect(monitor.setMemberCount).toBe(10_000)
    expect(heapBytes() - before).toBeLessThan(20_000_000)
  })
})

test('bins of quantiles have room in all series together; what needs more is counted, and slots that pass make room', () => {
  const rule = { type: 'threshold', name: 'slow', metric: '*', stat: 'p99', op: '>', value: 1e9, windowMs: 30_000 }
  const { monitor, until } = bench([rule], { maxQuantileBins: 3 })
  const outcomes = [1, 10, 100, 100, 1_000].map((value) => monitor.observe(sample('x', value, 'timer')))
  expect(outcomes).toEqual(['evaluated', 'evaluated', 'evaluated', 'evaluated', 'bin-limit'])
  expect(monitor.observe(sample('y', 5, 'timer'))).toBe('bin-limit')
  until(30)
  expect(monitor.observe(sample('x', 7, 'timer'))).toBe('evaluated')
  expect(monitor.observe(sample('y', 5, 'timer'))).toBe('evaluated')
})
