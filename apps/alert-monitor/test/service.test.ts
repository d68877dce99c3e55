import { describe, expect, test, vi } from 'vitest'
import { PublishError } from '@armature/messaging/errors'
import type { Driver } from '@armature/messaging/ports'
import { commonMetrics } from '@armature/telemetry/common-metrics'
import { defineMetrics } from '@armature/telemetry/metric'
import { createMetrics } from '@armature/telemetry/metrics'
import { alertMetrics } from '../src/alert-metrics.ts'
import { hot, openWorld, ordinary, sendPackets, type World } from './world.ts'

/** The metrics of a service that is watched. */
const { search } = defineMetrics({
  search: { kind: 'timer', unit: 'ms', help: 'Duration of search calls', labels: [] },
})

const received = (world: World, count: number) =>
  vi.waitFor(
    () => {
      const row = world.row('alert-monitor')
      expect(row?.received).toBe(count)
      expect(row?.inFlight).toBe(0)
    },
    { timeout: 10_000 },
  )

describe('StatsD over UDP', () => {
  test('one stalled search among thousands raises search-stall with that very sample, and resolves it later', async () => {
    const world = await openWorld()
    await world.monitor.start()
    const packets = ordinary(4_000)
    await sendPackets(world.monitor.statsdPort, packets.slice(0, 100))
    await received(world, 2_000)
    await sendPackets(world.monitor.statsdPort, ['search:2003|ms', ...packets.slice(100)])
    await received(world, 4_001)
    await vi.waitFor(() => expect(world.messages).toHaveLength(1), { timeout: 10_000 })
    expect(world.messages[0]).toMatchObject({
      topic: 'alerts.search-stall',
      headers: {
        'content-type': 'application/json',
        source: '/armature/alert-monitor',
        type: 'armature.alert.firing',
        subject: 'search-stall',
      },
    })
    expect(world.notices()[0]).toMatchObject({
      status: 'firing',
      name: 'search-stall',
      severity: 'critical',
      labels: { metric: 'search' },
      value: 2003,
      threshold: 1003,
      endsAt: null,
    })
    expect(world.messages[0]?.key).toBe(world.notices()[0]?.fingerprint)
    expect(world.monitor.firing()).toEqual(world.notices())
    await world.clock.advance(31_000)
    expect(world.notices().map(({ status }) => status)).toEqual(['firing', 'resolved'])
    expect(world.monitor.firing()).toEqual([])
    expect(world.row('alerts')).toMatchObject({ received: 2, acked: 2, inFlight: 0 })
    expect(world.imbalances()).toEqual([0, 0])
  })

  test('without the stall there is no alert', async () => {
    const world = await openWorld()
    await world.monitor.start()
    await sendPackets(world.monitor.statsdPort, ordinary(2_000))
    await received(world, 2_000)
    await world.clock.advance(120_000)
    expect(world.messages).toEqual([])
  })

  test('without a rules file it watches what every service sends', async () => {
    const world = await openWorld({ rules: 'built in' })
    await world.monitor.start()
    await sendPackets(world.monitor.statsdPort, ['orders.ledger_dead_lettered_total:5|c\nsearch:100000|ms'])
    await received(world, 2)
    await world.clock.advance(30_000)
    expect(world.notices().map(({ name }) => name)).toEqual(['dead-letters'])
  })

  test('the timers of a service reach it through its ordinary metrics', async () => {
    const world = await openWorld()
    await world.monitor.start()
    const statsd = { host: '127.0.0.1', port: world.monitor.statsdPort, prefix: 'prod' }
    const metrics = createMetrics({ service: 'watched', statsd })
    for (let index = 0; index < 200; index += 1) metrics.time(search, 1 + (index % 4))
    metrics.time(search, 2_010)
    await metrics.close()
    await vi.waitFor(() => expect(world.notices().map(({ labels }) => labels['metric'])).toEqual(['prod.search']), {
      timeout: 10_000,
    })
  })

  test('bad lines are counted by their reason and the rest flows', async () => {
    const world = await openWorld({ config: { maxPacketBytes: 200 } })
    await world.monitor.start()
    await sendPackets(world.monitor.statsdPort, [
      'hits:1|c\nnonsense\nhits:1|c|@0',
      Buffer.concat([Buffer.from('a:1|c\n'), Buffer.from([0xff, 0xfe]), Buffer.from('\nb:1|c')]),
      `${'x'.repeat(100)}\n${'y'.repeat(101)}`,
      'hits:NaN|c',
    ])
    await received(world, 9)
    expect(world.row('alert-monitor')).toMatchObject({
      acked: 3,
      dropped: {
        'malformed-no-value': 1,
        'malformed-bad-rate': 1,
        'malformed-not-utf8': 1,
        'malformed-bad-value': 1,
        'packet-too-large': 2,
      },
    })
    expect(world.imbalances()).toEqual([0, 0])
    expect(world.metrics.value(commonMetrics.ledger_dropped_total, { reason: 'malformed-bad-rate' })).toBe(1)
  })

  test('what finds no room in the queue is counted', async () => {
    const world = await openWorld({ config: { maxQueuedSamples: 10 } })
    await world.monitor.start()
    await sendPackets(world.monitor.statsdPort, [Array.from({ length: 25 }, () => 'a:1|c').join('\n')])
    await received(world, 25)
    expect(world.row('alert-monitor')).toMatchObject({ acked: 10, dropped: { 'queue-full': 15 } })
  })

  test('series past the limit are counted', async () => {
    const world = await openWorld({ config: { maxSeries: 2 }, rules: [{ ...hot, metric: '*' }] })
    await world.monitor.start()
    await sendPackets(world.monitor.statsdPort, ['a:1|g\nb:1|g\nc:1|g\na:2|g\nc:1|g'])
    await received(world, 5)
    expect(world.row('alert-monitor')).toMatchObject({ acked: 3, dropped: { 'series-limit': 2 } })
    expect(world.metrics.value(alertMetrics.alert_series)).toBe(2)
  })
})

describe('a topic of samples', () => {
  test('StatsD lines and JSON are evaluated, what cannot be read is dead-lettered, the rest flows', async () => {
    const world = await openWorld({ rules: [hot] })
    await world.monitor.start()
    await world.publish('cpu:10|g\nbroken')
    await world.publish('{"name":"cpu"')
    await world.publish(Buffer.from([0xff]))
    await world.publish(JSON.stringify([{ name: 'cpu', value: 95 }, { name: 7 }]))
    await world.clock.advance(1_000)
    expect(world.notices()).toMatchObject([{ name: 'hot', value: 95 }])
    expect(
      world.deadLetters.map(({ body, headers }) => [Buffer.from(body).toString('latin1'), headers['dlt-reason']]),
    ).toEqual([
      ['{"name":"cpu"', 'no-sample'],
      ['\u00ff', 'no-sample'],
    ])
    expect(world.row('alert-monitor')).toMatchObject({
      received: 6,
      acked: 2,
      deadLettered: 2,
      dropped: { 'malformed-no-value': 1, 'malformed-bad-name': 1 },
      inFlight: 0,
    })
    expect(world.imbalances()).toEqual([0, 0])
  })

  test('dead letters that a wildcard takes in are not dead-lettered again', async () => {
    const world = await openWorld({ config: { samplesTopic: '>' } })
    await world.monitor.start()
    await world.publish('not a sample')
    await world.clock.advance(10_000)
    expect(world.deadLetters.map(({ topic }) => topic)).toEqual(['samples.DLT'])
    expect(world.row('alert-monitor')).toMatchObject({ deadLettered: 1, dropped: { 'dead-letter-topic': 1 } })
  })

  test('without a dead-letter topic to write to, the message comes again until there is one', async () => {
    let refusals = 3
    const through = (driver: Driver): Driver => ({
      ...driver,
      publish: (topic, messages) =>
        topic === 'samples.DLT' && refusals-- > 0
          ? Promise.reject(new PublishError('down', { topic, fault: 'unavailable' }))
          : driver.publish(topic, messages),
    })
    const world = await openWorld({ through })
    await world.monitor.start()
    await world.publish('not a sample')
    await world.clock.advance(10_000)
    expect(world.deadLetters).toHaveLength(1)
    expect(world.row('alert-monitor')).toMatchObject({ received: 4, returned: 3, deadLettered: 1 })
    expect(world.imbalances()).toEqual([0, 0])
  })
})
