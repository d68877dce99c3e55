import type { RequestListener } from 'node:http'
import { connect, type Socket } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { commonMetrics } from '@armature/telemetry/common-metrics'
import { balanced, counted, open, portOf, serve } from './collectors.ts'

describe('StatsD over TCP', () => {
  const connected = async (port: number): Promise<Socket> => {
    const socket = connect(port, '127.0.0.1')
    onTestFinished(() => void socket.destroy())
    socket.on('error', () => undefined)
    await new Promise((resolve) => socket.once('connect', resolve))
    return socket
  }

  test('lines count however they are cut, one too long is counted, and the last needs no end', async () => {
    const world = await open({ statsdTcpListenPort: 0 })
    const socket = await connected(portOf(world, 'StatsD'))
    for (const part of ['cpu:9', '5|g\ncpu:9', `6|g\nbad\n${'x'.repeat(5_000)}`, '\n', 'cpu:97|g']) socket.write(part)
    socket.end()
    await counted(world, 'alert-monitor', {
      received: 5,
      acked: 3,
      dropped: { 'malformed-too-long': 1, 'malformed-no-value': 1 },
    })
    await world.clock.advance(1_000)
    expect(world.notices()).toMatchObject([{ name: 'hot', value: 97 }])
    balanced(world)
  })

  test('what finds no room in the queue waits in its connection: nothing is lost', async () => {
    const world = await open({ statsdTcpListenPort: 0, maxQueuedSamples: 10 })
    const socket = await connected(portOf(world, 'StatsD'))
    socket.end('cpu:1|g\n'.repeat(20_000))
    await counted(world, 'alert-monitor', { received: 20_000, acked: 20_000, dropped: {} })
  })

  test('a connection too many is closed and counted', async () => {
    const world = await open({ statsdTcpListenPort: 0, maxStatsdConnections: 1 })
    const port = portOf(world, 'StatsD')
    const first = await connected(port)
    const second = await connected(port)
    await new Promise((resolve) => second.once('close', resolve))
    const labels = { component: 'alert-monitor', error_type: 'too-many-connections' }
    expect(world.metrics.value(commonMetrics.component_errors_total, labels)).toBe(1)
    first.end('cpu:1|g\n')
    await counted(world, 'alert-monitor', { acked: 1 })
  })

  test('the end of the monitor cuts a connection that stays open', async () => {
    const world = await open({ statsdTcpListenPort: 0 })
    const socket = await connected(portOf(world, 'StatsD'))
    const closed = new Promise((resolve) => socket.once('close', resolve))
    await world.monitor.stopIntake?.()
    await closed
  })
})

describe('Prometheus', () => {
  test('counters are totals, each sample has its instance, and what cannot be read is counted', async () => {
    let total = 1_000
    const url = await serve((_request, response) => {
      response.setHeader('content-type', 'text/plain; version=0.0.4')
      response.end(`# TYPE hits_total counter\nhits_total ${(total += 100)}\nbroken{ 1\n`)
    })
    const rule = { type: 'rate', name: 'busy', metric: 'hits_total', op: '>', value: 1, window: '1m' }
    const world = await open({ scrapeUrls: [`${url}/metrics`], scrapeEveryMs: 10_000 }, [rule])
    await counted(world, 'prometheus', { received: 3, acked: 2, dropped: { 'malformed-bad-tags': 1 } })
    await world.clock.advance(9_000)
    expect(world.notices()).toEqual([])
    await world.clock.advance(1_000)
    await counted(world, 'prometheus', { received: 6 })
    await world.clock.advance(1_000)
    expect(world.notices()).toMatchObject([{ name: 'busy', labels: { instance: url.slice('http://'.length) } }])
    balanced(world)
  })

  test.each<[string, RequestListener]>([
    ['500', (_request, response) => void response.writeHead(500).end('up 1')],
    ['a redirect', (_request, response) => void response.writeHead(302, { location: 'http://169.254.169.254/' }).end()],
    ['a page', (_request, response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<p>')],
    [
      'an endless answer',
      (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/plain' })
        const more = () => response.destroyed || response.write('a 1\n'.repeat(10_000), more)
        more()
      },
    ],
    [
      'half an answer',
      (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/plain', 'content-length': 1_000 })
        response.write('a 1\n', () => response.destroy())
      },
    ],
    ['no answer', () => undefined],
  ])('a service that answers with %s is down, and told so', async (_, answer) => {
    const url = await serve(answer)
    const down = { type: 'threshold', name: 'down', metric: 'up', stat: 'last', op: '<', value: 1 }
    const world = await open({ scrapeUrls: [url], collectTimeoutMs: 1_000, maxAnswerBytes: 65_536 }, [down])
    await counted(world, 'prometheus', { received: 1, acked: 1 })
    await world.clock.advance(1_000)
    expect(world.notices()).toMatchObject([{ name: 'down', labels: { instance: url.slice('http://'.length) } }])
    const labels = { component: 'alert-monitor', error_type: 'prometheus' }
    expect(world.metrics.value(commonMetrics.component_errors_total, labels)).toBe(1)
  })
})

describe('Graphite', () => {
  test('is asked for its targets, with new points alone, and an odd name is counted', async () => {
    const asked: URLSearchParams[] = []
    const startS = Date.UTC(2026, 0, 1) / 1000
    const url = await serve((request, response) => {
      let body = ''
      request.on('data', (chunk: Buffer) => (body += chunk.toString()))
      request.on('end', () => {
        asked.push(new URLSearchParams(body))
        const datapoints = [
          [95, startS - 10],
          [NaN, startS - 5],
          [null, startS],
        ]
        response.end(
          JSON.stringify([
            { target: 'cpu;host=a', datapoints },
            { target: 'a name', datapoints },
          ]).replaceAll('null,', 'NaN,'),
        )
      })
    })
    const world = await open({ graphiteUrl: url, graphiteTargets: ['cpu', 'sum(a,b)'], graphiteEveryMs: 5_000 })
    await counted(world, 'graphite', { received: 2, acked: 1, dropped: { 'malformed-bad-name': 1 } })
    await world.clock.advance(5_000)
    await counted(world, 'graphite', { received: 3, acked: 1 })
    expect(world.notices()).toMatchObject([{ name: 'hot', value: 95, labels: { host: 'a' } }])
    expect(asked[0]?.getAll('target')).toEqual(['cpu', 'sum(a,b)'])
    expect(Number(asked[0]?.get('from'))).toBe(startS - 60)
    balanced(world)
  })

  test('without a target there is no start', async () => {
    await expect(open({ graphiteUrl: 'http://127.0.0.1:1' })).rejects.toMatchObject({
      exitCode: 78,
      fix: expect.stringContaining('--graphite-target') as string,
    })
  })
})

describe('any topic', () => {
  test('a way into its JSON leads to the value; what has none is counted and not dead-lettered', async () => {
    const rule = { type: 'threshold', name: 'large', metric: 'order.amount', stat: 'last', op: '>', value: 100 }
    const world = await open(
      {
        sampleValuePath: 'order.amount',
        sampleName: 'order.amount',
        sampleTagPaths: ['order.region', 'shop', 'order.none'],
      },
      [rule],
    )
    for (const body of [
      { order: { amount: 250, region: 'eu' }, shop: 7 },
      { order: { amount: 'much' } },
      { order: {} },
      { order: { __proto__: null, constructor: 1 } },
    ])
      await world.publish(JSON.stringify(body))
    await world.publish('no JSON')
    await world.clock.advance(1_000)
    expect(world.notices()).toMatchObject([{ name: 'large', labels: { region: 'eu', shop: '7' } }])
    expect(world.deadLetters).toEqual([])
    expect(world.row('alert-monitor')).toMatchObject({
      received: 5,
      acked: 1,
      dropped: { 'malformed-bad-value': 1, 'malformed-no-value': 2, 'malformed-bad-json': 1 },
    })
    balanced(world)
  })
})
