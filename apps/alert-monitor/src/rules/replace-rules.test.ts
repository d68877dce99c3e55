import { describe, expect, test } from 'vitest'
import { bench, sample } from '../../test/monitor-bench.ts'
import { parseRules } from './rules-file.ts'

const hot = { type: 'threshold', name: 'hot', metric: 'cpu', stat: 'max', op: '>', value: 90, windowMs: 60_000 }
const rate = { type: 'rate', name: 'busy', metric: 'hits', op: '>', value: 1, windowMs: 60_000 }
const rulesOf = (...rules: object[]) => parseRules(JSON.stringify({ rules }), 'test')

describe('rules that are replaced', () => {
  test('a rule that is as before keeps its window and its alert', () => {
    const { monitor, until } = bench([hot, rate])
    monitor.observe(sample('cpu', 95))
    monitor.observe(sample('hits', 100, 'counter'))
    expect(until(1)).toEqual(['hot firing', 'busy firing'])
    monitor.replaceRules(rulesOf(rate, hot, { ...hot, name: 'more' }))
    expect(until(30)).toEqual(['hot firing', 'busy firing'])
    expect(until(61)).toEqual(['hot firing', 'busy firing', 'hot resolved', 'busy resolved'])
  })

  test('the alerts of a rule that is gone are resolved, and its room is free', () => {
    const { monitor, until } = bench([hot, rate], { maxSeries: 2 })
    monitor.observe(sample('cpu', 95))
    monitor.observe(sample('hits', 1, 'counter'))
    until(1)
    monitor.replaceRules(rulesOf(rate))
    expect(monitor.seriesCount).toBe(1)
    expect(until(2)).toEqual(['hot firing', 'hot resolved'])
    expect(monitor.observe(sample('hits', 1, 'counter', { tags: { host: 'b' } }))).toBe('evaluated')
  })

  test('one that changed begins anew with the series that are known; its alert goes on where it finds it', () => {
    const { monitor, until } = bench([hot])
    monitor.observe(sample('cpu', 95))
    until(1)
    monitor.replaceRules(rulesOf({ ...hot, value: 80 }))
    monitor.observe(sample('cpu', 85))
    expect(until(30)).toEqual(['hot firing'])
    expect(until(62)).toEqual(['hot firing', 'hot resolved'])
  })

  test('a new rule judges the series that others know, and new ones', () => {
    const { monitor, until } = bench([hot])
    monitor.observe(sample('cpu', 50))
    monitor.replaceRules(rulesOf(hot, { ...hot, name: 'warm', value: 40, metric: '*' }))
    monitor.observe(sample('cpu', 50))
    monitor.observe(sample('gpu', 50))
    expect(until(1)).toEqual(['warm firing', 'warm firing'])
    expect(monitor.seriesCount).toBe(3)
  })

  test('bug: a rule that did not change lost its series to a new one where there was too little room', () => {
    const host = (name: string, value: number) => sample('cpu', value, 'gauge', { tags: { host: name } })
    const { monitor, until } = bench([hot], { maxSeries: 3 })
    for (const name of ['a', 'b', 'c']) monitor.observe(host(name, 95))
    expect(until(1)).toEqual(Array(3).fill('hot firing'))
    monitor.replaceRules(rulesOf({ ...hot, name: 'warm', metric: '*', value: 40 }, hot))
    expect(monitor.seriesCount).toBe(3)
    expect(until(30)).toEqual(Array(3).fill('hot firing'))
    expect(monitor.observe(host('a', 95))).toBe('series-limit')
  })

  test('a new rule takes the room of one that is gone', () => {
    const { monitor, until } = bench([hot, rate], { maxSeries: 2 })
    monitor.observe(sample('cpu', 50))
    monitor.observe(sample('hits', 1, 'counter'))
    monitor.replaceRules(rulesOf(hot, { ...hot, name: 'warm', value: 40 }))
    expect(monitor.seriesCount).toBe(2)
    expect(monitor.observe(sample('cpu', 50))).toBe('evaluated')
    expect(until(1)).toEqual(['warm firing'])
  })

  test('a new rule that found no room judges a series once there is some', () => {
    const { monitor, until } = bench([hot], { maxSeries: 2, seriesIdleMs: 60_000 })
    const host = (name: string) => monitor.observe(sample('cpu', 50, 'gauge', { tags: { host: name } }))
    host('a')
    host('b')
    monitor.replaceRules(rulesOf(hot, { ...hot, name: 'warm', value: 40 }))
    until(50)
    expect(host('a')).toBe('series-limit')
    until(61)
    expect(monitor.seriesCount).toBe(1)
    expect(host('a')).toBe('evaluated')
    expect(until(62)).toEqual(['warm firing'])
  })

  test('an absence from the start that fires is resolved with its rule, and goes on without a change of it', () => {
    const silent = { type: 'absence', name: 'silent', metric: 'beat', forMs: 10_000, since: 'start' }
    const { monitor, until } = bench([silent])
    expect(until(10)).toEqual(['silent firing'])
    monitor.replaceRules(rulesOf(silent, hot))
    expect(until(20)).toEqual(['silent firing'])
    monitor.replaceRules(rulesOf(hot))
    expect(until(21)).toEqual(['silent firing', 'silent resolved'])
  })

  test('a ratio keeps both its windows, and a total its level', () => {
    const ratio = {
      type: 'ratio',
      name: 'bad',
      metric: 'errors',
      denominator: 'all',
      op: '>',
      value: 0.4,
      minDenominator: 10,
    }
    const { monitor, until } = bench([ratio])
    const total = (name: string, value: number) => monitor.observe(sample(name, value, 'meter', { cumulative: true }))
    for (const name of ['errors', 'all']) total(name, 1_000)
    total('all', 1_010)
    until(1)
    monitor.replaceRules(rulesOf(hot, ratio))
    total('errors', 1_005)
    expect(until(2)).toEqual(['bad firing'])
  })
})
