import { describe, expect, test, vi } from 'vitest'
import { commonMetrics } from '../src/common-metrics.ts'
import { createMetrics } from '../src/metrics.ts'
import { demoMetrics } from './demo-metrics.ts'
import { udpReceiver } from './udp-receiver.ts'

const host = '127.0.0.1'

describe('the graphite dialect', () => {
  test('sends lines that the original StatsD reads: no tags, several in a packet', async () => {
    await using receiver = await udpReceiver()
    const metrics = createMetrics({ service: 'demo', statsd: { host, port: receiver.port } })
    metrics.time(demoMetrics.search, 12.5)
    metrics.time(demoMetrics['rpc.server.call.duration'], 3, {
      'rpc.method': 'v1.Things/Search',
      'rpc.status_code': 'OK',
    })
    metrics.record(demoMetrics.batch_events, 7, { mechanism: 'count' })
    metrics.count(demoMetrics.search_count)
    metrics.count(demoMetrics.search_count, 2)
    metrics.gauge(commonMetrics.ledger_in_flight, 4, { stage: 'sink' })
    await metrics.close()
    await expect
      .poll(() => receiver.packets)
      .toEqual([
        'search:12.5|ms\nrpc.server.call.duration:3|ms\nbatch_events:7|ms\nsearch_count:3|c\nledger_in_flight:4|g',
      ])
  })

  test('sends a negative gauge as a value, not as a change', async () => {
    await using receiver = await udpReceiver()
    const metrics = createMetrics({ service: 'demo', statsd: { host, port: receiver.port } })
    metrics.gauge(commonMetrics.ledger_in_flight, -4, { stage: 'sink' })
    await metrics.close()
    await expect.poll(receiver.lines).toEqual(['ledger_in_flight:0|g', 'ledger_in_flight:-4|g'])
  })

  test('puts the prefix before every name', async () => {
    await using receiver = await udpReceiver()
    const metrics = createMetrics({ service: 'demo', statsd: { host, port: receiver.port, prefix: 'stage.demo' } })
    metrics.count(demoMetrics.search_count)
    await metrics.close()
    await expect.poll(receiver.lines).toEqual(['stage.demo.search_count:1|c'])
  })
})

test('the dogstatsd dialect has the labels as tags', async () => {
  await using receiver = await udpReceiver()
  const metrics = createMetrics({ service: 'demo', statsd: { host, port: receiver.port, dialect: 'dogstatsd' } })
  metrics.count(commonMetrics.component_discarded_events_total, 2, { intentional: false, reason: 'too long' })
  metrics.time(demoMetrics.search, 5)
  metrics.record(demoMetrics.batch_events, 7, { mechanism: 'count' })
  metrics.gauge(commonMetrics.ledger_in_flight, -4, { stage: 'sink' })
  await metrics.close()
  await expect
    .poll(() => receiver.lines().toSorted())
    .toEqual([
      'batch_events:7|h|#mechanism:count',
      'component_discarded_events_total:2|c|#intentional:false,reason:too long',
      'ledger_in_flight:-4|g|#stage:sink',
      'search:5|ms',
    ])
})

test('lines arrive without a close', async () => {
  await using receiver = await udpReceiver()
  const metrics = createMetrics({ service: 'demo', statsd: { host, port: receiver.port } })
  metrics.time(demoMetrics.search, 1)
  metrics.count(demoMetrics.search_count)
  await vi.waitFor(() => {
    expect(receiver.lines()).toEqual(['search:1|ms', 'search_count:1|c'])
  }, 5_000)
  await metrics.close()
})

test('a name is looked up, an IPv6 address is taken as it is', async () => {
  for (const [type, name] of [
    ['udp4', 'localhost'],
    ['udp6', '::1'],
  ] as const) {
    await using receiver = await udpReceiver(type)
    const metrics = createMetrics({ service: 'demo', statsd: { host: name, port: receiver.port } })
    metrics.time(demoMetrics.search, 1)
    await metrics.close()
    await expect.poll(receiver.lines).toEqual(['search:1|ms'])
  }
})

test('no packet is larger than a frame, and none of many recordings is lost', async () => {
  await using receiver = await udpReceiver()
  const metrics = createMetrics({ service: 'demo', statsd: { host, port: receiver.port } })
  for (let call = 0; call < 1_000; call++) metrics.time(demoMetrics.search, call)
  await metrics.close()
  await expect.poll(() => receiver.lines().length).toBe(1_000)
  for (const packet of receiver.packets) expect(Buffer.byteLength(packet)).toBeLessThanOrEqual(1_432)
})

test('what is observed is sent at the end: a gauge as it is, of a counter what came since', async () => {
  await using receiver = await udpReceiver()
  const metrics = createMetrics({ service: 'demo', statsd: { host, port: receiver.port } })
  metrics.observe(commonMetrics.ledger_in_flight, () => 3, { stage: 'sink' })
  metrics.observe(commonMetrics.ledger_acked_total, () => 9, { stage: 'sink' })
  await metrics.close()
  await expect.poll(() => receiver.lines().toSorted()).toEqual(['ledger_acked_total:9|c', 'ledger_in_flight:3|g'])
})

test('a host that does not exist is counted and told, and stops nothing', async () => {
  const errors: unknown[] = []
  const metrics = createMetrics({
    service: 'demo',
    statsd: { host: 'statsd.invalid', port: 8125 },
    onError: (sink, error) => errors.push(sink, error),
  })
  metrics.time(demoMetrics.search, 1)
  metrics.count(demoMetrics.search_count)
  await metrics.close()
  expect(metrics.value(commonMetrics.telemetry_errors_total, { sink: 'statsd' })).toBeGreaterThan(0)
  expect(errors).toEqual(expect.arrayContaining(['statsd', expect.any(Error)]))
  expect(metrics.value(demoMetrics.search_count)).toBe(1)
})

test('packets do not wait for a name to be found: one query runs, the others fail at once', async () => {
  const errors: string[] = []
  const metrics = createMetrics({
    service: 'demo',
    statsd: { host: 'statsd.invalid', port: 8125 },
    onError: (_sink, error) => errors.push(String(error)),
  })
  for (let call = 0; call < 1_000; call++) metrics.time(demoMetrics.search, call)
  await metrics.close()
  expect(errors.filter((error) => error.includes('is not known yet')).length).toBeGreaterThan(5)
  expect(errors.filter((error) => !error.includes('is not known yet')).length).toBeLessThanOrEqual(1)
})

test('recording after close, and closing twice, is harmless', async () => {
  const metrics = createMetrics({ service: 'demo', statsd: { host, port: 9 } })
  await metrics.close()
  metrics.count(demoMetrics.search_count)
  metrics.time(demoMetrics.search, 1)
  await metrics.close()
  expect(metrics.value(demoMetrics.search_count)).toBe(1)
  expect(metrics.value(commonMetrics.telemetry_errors_total)).toBe(0)
})
