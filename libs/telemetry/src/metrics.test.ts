import { describe, expect, test } from 'vitest'
import { demoMetrics } from '../test/demo-metrics.ts'
import { commonMetrics } from './common-metrics.ts'
import { createMetrics, exposeTogether } from './metrics.ts'

const metrics = (maxSeries?: number) =>
  createMetrics({ service: 'demo', ...(maxSeries === undefined ? {} : { maxSeries }) })

describe('value', () => {
  test('of a counter is its total, over the series that have the labels', () => {
    const { count, value } = metrics()
    count(commonMetrics.component_discarded_events_total, 2, { reason: 'a', intentional: true })
    count(commonMetrics.component_discarded_events_total, 3, { reason: 'b', intentional: true })
    count(commonMetrics.component_discarded_events_total, 4, { reason: 'a', intentional: false })
    expect(value(commonMetrics.component_discarded_events_total)).toBe(9)
    expect(value(commonMetrics.component_discarded_events_total, { reason: 'a' })).toBe(6)
    expect(value(commonMetrics.component_discarded_events_total, { reason: 'a', intentional: false })).toBe(4)
    expect(value(commonMetrics.component_discarded_events_total, { reason: 'c' })).toBe(0)
  })

  test('of labels that come in any order is that of each, also where one object changes or loses a label', () => {
    const { count, value } = metrics()
    const labels: { reason?: string; intentional: boolean } = { reason: 'a', intentional: true }
    count(commonMetrics.component_discarded_events_total, 1, labels)
    count(commonMetrics.component_discarded_events_total, 1, labels)
    labels.reason = 'b'
    count(commonMetrics.component_discarded_events_total, 10, labels)
    delete labels.reason
    count(commonMetrics.component_discarded_events_total, 100, labels)
    count(commonMetrics.component_discarded_events_total, 1_000)
    count(commonMetrics.component_discarded_events_total, 1, { intentional: true, reason: 'a' })
    expect(value(commonMetrics.component_discarded_events_total, { reason: 'a' })).toBe(3)
    expect(value(commonMetrics.component_discarded_events_total, { reason: 'b' })).toBe(10)
    expect(value(commonMetrics.component_discarded_events_total, { intentional: true })).toBe(113)
    expect(value(commonMetrics.component_discarded_events_total)).toBe(1_113)
  })

  test('of a gauge is the last one set', () => {
    const { gauge, value } = metrics()
    gauge(commonMetrics.ledger_in_flight, 5, { stage: 'sink' })
    gauge(commonMetrics.ledger_in_flight, 3, { stage: 'sink' })
    expect(value(commonMetrics.ledger_in_flight)).toBe(3)
  })

  test('of a timer or histogram is the number of recordings', () => {
    const { time, record, value } = metrics()
    time(demoMetrics.search, 5)
    time(demoMetrics.search, 6)
    record(demoMetrics.batch_events, 100)
    expect([value(demoMetrics.search), value(demoMetrics.batch_events), value(demoMetrics.monitor)]).toEqual([2, 1, 0])
  })

  test('of an observed metric is read when asked for', () => {
    const { observe, value } = metrics()
    let inFlight = 1
    const remove = observe(commonMetrics.ledger_in_flight, () => inFlight, { stage: 'a' })
    observe(commonMetrics.ledger_in_flight, () => 10, { stage: 'b' })
    inFlight = 2
    expect(value(commonMetrics.ledger_in_flight)).toBe(12)
    remove()
    expect(value(commonMetrics.ledger_in_flight)).toBe(10)
  })
})

describe('what cannot be recorded is counted and left out', () => {
  test.each([NaN, Infinity, -Infinity, -1])('a count or duration of %d', (value) => {
    const subject = metrics()
    subject.count(demoMetrics.search_count, value)
    subject.time(demoMetrics.search, value)
    expect(subject.value(demoMetrics.search_count)).toBe(0)
    expect(subject.value(demoMetrics.search)).toBe(0)
    expect(subject.value(commonMetrics.telemetry_rejected_values_total, { metric: 'search_count' })).toBe(1)
    expect(subject.value(commonMetrics.telemetry_rejected_values_total, { metric: 'search' })).toBe(1)
  })

  test('a gauge may be negative, but must be a number', () => {
    const subject = metrics()
    subject.gauge(commonMetrics.ledger_in_flight, -2)
    subject.gauge(commonMetrics.ledger_in_flight, NaN)
    expect(subject.value(commonMetrics.ledger_in_flight)).toBe(-2)
  })

  test('a reader that throws', () => {
    const subject = metrics()
    subject.observe(commonMetrics.ledger_in_flight, () => {
      throw new Error('gone')
    })
    expect(subject.expose()).not.toContain('NaN')
    expect(
      subject.value(commonMetrics.telemetry_rejected_values_total, { metric: 'ledger_in_flight' }),
    ).toBeGreaterThan(0)
  })
})

describe('the limit of label sets', () => {
  test('puts what is beyond it under one overflow series, and counts it', () => {
    const subject = metrics(3)
    for (let call = 0; call < 10; call++)
      subject.count(commonMetrics.component_errors_total, 1, { error_type: `e${call}` })
    subject.count(commonMetrics.component_errors_total, 1, { error_type: 'e0' })
    expect(subject.expose()).toContain('component_errors_total{otel_metric_overflow="true"} 7')
    expect(subject.value(commonMetrics.component_errors_total, { error_type: 'e0' })).toBe(2)
    expect(subject.value(commonMetrics.component_errors_total)).toBe(11)
    expect(subject.value(commonMetrics.telemetry_series_overflow_total, { metric: 'component_errors_total' })).toBe(7)
  })

  test('cuts a very long value, and is not fooled by separators in one', () => {
    const subject = metrics()
    subject.count(commonMetrics.component_errors_total, 1, { error_type: 'x'.repeat(100_000) })
    subject.count(commonMetrics.component_errors_total, 1, { component: 'a\u0000error_type\u0000b' })
    subject.count(commonMetrics.component_errors_total, 1, { component: 'a', error_type: 'b' })
    expect(subject.expose().length).toBeLessThan(1_000)
    expect(
      subject.collect().find(({ metric }) => metric === commonMetrics.component_errors_total)?.series,
    ).toHaveLength(3)
  })
})

describe('the Prometheus text', () => {
  test('of a counter, a gauge and a timer, by name', () => {
    const subject = metrics()
    subject.time(demoMetrics.search, 30)
    subject.time(demoMetrics.search, 20_000)
    subject.count(demoMetrics.search_count, 2)
    subject.gauge(commonMetrics.event_loop_delay, 12, { quantile: '0.99' })
    expect(subject.expose()).toBe(`# HELP event_loop_delay_seconds Recent delay of the event loop, by quantile
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
    subject.count(commonMetrics.component_errors_total, 1, { error_type: 'a"b\\c\nd' })
    expect(subject.expose()).toContain('{error_type="a\\"b\\\\c\\nd"} 1')
  })

  test('is empty when nothing was recorded', () => {
    expect(metrics().expose()).toBe('')
  })

  test('of several services has each metric once, told apart by a label', () => {
    const [one, two] = [createMetrics({ service: 'one' }), createMetrics({ service: 'two' })]
    one.count(demoMetrics.search_count)
    two.count(demoMetrics.search_count, 2)
    two.count(demoMetrics.monitor_count)
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
