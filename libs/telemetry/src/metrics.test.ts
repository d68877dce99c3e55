import { describe, expect, test } from 'vitest'
import { createMetrics, exposeTogether } from './metrics.ts'

const metrics = (maxSeries?: number) =>
  createMetrics({ service: 'demo', ...(maxSeries === undefined ? {} : { maxSeries }) })

describe('value', () => {
  test('of a counter is its total, over the series that have the labels', () => {
    const { count, value } = metrics()
    count('component_discarded_events_total', 2, { reason: 'a', intentional: true })
    count('component_discarded_events_total', 3, { reason: 'b', intentional: true })
    count('component_discarded_events_total', 4, { reason: 'a', intentional: false })
    expect(value('component_discarded_events_total')).toBe(9)
    expect(value('component_discarded_events_total', { reason: 'a' })).toBe(6)
    expect(value('component_discarded_events_total', { reason: 'a', intentional: false })).toBe(4)
    expect(value('component_discarded_events_total', { reason: 'c' })).toBe(0)
  })

  test('of a gauge is the last one set', () => {
    const { gauge, value } = metrics()
    gauge('ledger_in_flight', 5, { stage: 'sink' })
    gauge('ledger_in_flight', 3, { stage: 'sink' })
    expect(value('ledger_in_flight')).toBe(3)
  })

  test('of a timer or histogram is the number of recordings', () => {
    const { time, record, value } = metrics()
    time('search', 5)
    time('search', 6)
    record('batch_events', 100)
    expect([value('search'), value('batch_events'), value('monitor')]).toEqual([2, 1, 0])
  })

  test('of an observed metric is read when asked for', () => {
    const { observe, value } = metrics()
    let inFlight = 1
    const remove = observe('ledger_in_flight', () => inFlight, { stage: 'a' })
    observe('ledger_in_flight', () => 10, { stage: 'b' })
    inFlight = 2
    expect(value('ledger_in_flight')).toBe(12)
    remove()
    expect(value('ledger_in_flight')).toBe(10)
  })
})

describe('what cannot be recorded is counted and left out', () => {
  test.each([NaN, Infinity, -Infinity, -1])('a count or duration of %d', (value) => {
    const subject = metrics()
    subject.count('search_count', value)
    subject.time('search', value)
    expect(subject.value('search_count')).toBe(0)
    expect(subject.value('search')).toBe(0)
    expect(subject.value('telemetry_rejected_values_total', { metric: 'search_count' })).toBe(1)
    expect(subject.value('telemetry_rejected_values_total', { metric: 'search' })).toBe(1)
  })

  test('a gauge may be negative, but must be a number', () => {
    const subject = metrics()
    subject.gauge('ledger_in_flight', -2)
    subject.gauge('ledger_in_flight', NaN)
    expect(subject.value('ledger_in_flight')).toBe(-2)
  })

  test('a reader that throws', () => {
    const subject = metrics()
    subject.observe('ledger_in_flight', () => {
      throw new Error('gone')
    })
    expect(subject.expose()).not.toContain('NaN')
    expect(subject.value('telemetry_rejected_values_total', { metric: 'ledger_in_flight' })).toBeGreaterThan(0)
  })
})

describe('the limit of label sets', () => {
  test('puts what is beyond it under one overflow series, and counts it', () => {
    const subject = metrics(3)
    for (let call = 0; call < 10; call++) subject.count('component_errors_total', 1, { error_type: `e${call}` })
    subject.count('component_errors_total', 1, { error_type: 'e0' })
    expect(subject.expose()).toContain('component_errors_total{otel_metric_overflow="true"} 7')
    expect(subject.value('component_errors_total', { error_type: 'e0' })).toBe(2)
    expect(subject.value('component_errors_total')).toBe(11)
    expect(subject.value('telemetry_series_overflow_total', { metric: 'component_errors_total' })).toBe(7)
  })

  test('cuts a very long value, and is not fooled by separators in one', () => {
    const subject = metrics()
    subject.count('component_errors_total', 1, { error_type: 'x'.repeat(100_000) })
    subject.count('component_errors_total', 1, { component: 'a\u0000error_type\u0000b' })
    subject.count('component_errors_total', 1, { component: 'a', error_type: 'b' })
    expect(subject.expose().length).toBeLessThan(1_000)
    expect(subject.collect().find(({ name }) => name === 'component_errors_total')?.series).toHaveLength(3)
  })
})

describe('the Prometheus text', () => {
  test('of a counter, a gauge and a timer, by name', () => {
    const subject = metrics()
    subject.time('search', 30)
    subject.time('search', 20_000)
    subject.count('search_count', 2)
    subject.gauge('event_loop_delay', 12, { quantile: '0.99' })
    expect(subject.expose()).toBe(`# HELP event_loop_delay_seconds Delay of the event loop lately, by quantile
# TYPE event_loop_delay_seconds gauge
event_loop_delay_seconds{quantile="0.99"} 0.012
# HELP search_seconds Duration of search calls
# TYPE search_seconds histogram
search_seconds_bucket{le="0.005"} 0
search_seconds_bucket{le="0.01"} 0
search_seconds_bucket{le="0.025"} 0
search_seconds_bucket{le="0.05"} 1
search_seconds_bucket{le="0.075"} 1
search_seconds_bucket{le="0.1"} 1
search_seconds_bucket{le="0.25"} 1
search_seconds_bucket{le="0.5"} 1
search_seconds_bucket{le="0.75"} 1
search_seconds_bucket{le="1"} 1
search_seconds_bucket{le="2.5"} 1
search_seconds_bucket{le="5"} 1
search_seconds_bucket{le="7.5"} 1
search_seconds_bucket{le="10"} 1
search_seconds_bucket{le="+Inf"} 2
search_seconds_sum 20.03
search_seconds_count 2
# HELP search_count_total Search calls
# TYPE search_count_total counter
search_count_total 2
`)
  })

  test('escapes what would break a line', () => {
    const subject = metrics()
    subject.count('component_errors_total', 1, { error_type: 'a"b\\c\nd' })
    expect(subject.expose()).toContain('{error_type="a\\"b\\\\c\\nd"} 1')
  })

  test('is empty when nothing was recorded', () => {
    expect(metrics().expose()).toBe('')
  })

  test('of several services has each metric once, told apart by a label', () => {
    const [one, two] = [createMetrics({ service: 'one' }), createMetrics({ service: 'two' })]
    one.count('search_count')
    two.count('search_count', 2)
    two.count('monitor_count')
    expect(exposeTogether([one, two])).toBe(`# HELP monitor_count_total Monitor calls
# TYPE monitor_count_total counter
monitor_count_total{service="two"} 1
# HELP search_count_total Search calls
# TYPE search_count_total counter
search_count_total{service="one"} 1
search_count_total{service="two"} 2
`)
  })
})
