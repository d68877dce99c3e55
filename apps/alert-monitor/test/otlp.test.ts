import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { balanced, open, portOf } from './collectors.ts'
import { encodeOtlpRequest } from './otlp-request.ts'
import { hot, type World } from './world.ts'

type Body = string | Uint8Array<ArrayBuffer>

describe('OTLP', () => {
  const point = (value: object, more: object = {}) => ({
    ...value,
    attributes: [{ key: 'host', value: { stringValue: 'a' } }],
    ...more,
  })
  const requestOf = (...metrics: object[]) => ({
    resourceMetrics: [
      {
        resource: {
          attributes: [
            { key: 'service.name', value: { stringValue: 'shop' } },
            { key: 'process.pid', value: { intValue: '7' } },
          ],
        },
        scopeMetrics: [{ metrics }],
      },
    ],
  })
  const request = requestOf(
    { name: 'cpu', gauge: { dataPoints: [point({ asDouble: 95 })] } },
    { name: 'hits', sum: { dataPoints: [point({ asInt: '12' })], aggregationTemporality: 1, isMonotonic: true } },
    { name: 'bytes', sum: { dataPoints: [point({ asInt: '900' })], aggregationTemporality: 2, isMonotonic: true } },
    {
      name: 'latency',
      histogram: {
        dataPoints: [point({ count: '3', sum: 7.5, bucketCounts: ['1', '2'], explicitBounds: [5] })],
        aggregationTemporality: 2,
      },
    },
    { name: 'a name', gauge: { dataPoints: [point({ asDouble: 1 })] } },
  )
  const rules = [
    hot,
    { ...hot, name: 'many', metric: 'hits', stat: 'count', value: 0 },
    {
      type: 'threshold',
      name: 'slow',
      metric: 'latency.bucket',
      where: { le: '+Inf' },
      stat: 'count',
      op: '>',
      value: 0,
    },
  ]
  const post = (world: World, body: Body, headers: Record<string, string>) =>
    fetch(`http://127.0.0.1:${portOf(world, 'OTLP')}/v1/metrics`, { method: 'POST', body, headers })

  test.each<[string, Body, Record<string, string>]>([
    ['JSON', JSON.stringify(request), { 'content-type': 'application/json' }],
    [
      'JSON, packed',
      gzipSync(JSON.stringify(request)),
      { 'content-type': 'application/json', 'content-encoding': 'gzip' },
    ],
    ['protobuf', encodeOtlpRequest(request), { 'content-type': 'application/x-protobuf' }],
  ])(
    '%s: gauges, sums and histograms are judged by their temporality, and a point that is refused is told',
    async (_, body, headers) => {
      const world = await open({ otlpListenPort: 0 }, rules)
      const response = await post(world, body, headers)
      expect(response.status).toBe(200)
      if (headers['content-type'] === 'application/json')
        expect(await response.json()).toEqual({
          partialSuccess: { rejectedDataPoints: '1', errorMessage: 'refused: bad-name' },
        })
      else expect(Buffer.from(await response.arrayBuffer()).toString('latin1')).toContain('refused: bad-name')
      await world.clock.advance(1_000)
      expect(world.row('otlp')).toMatchObject({ received: 8, acked: 7, dropped: { 'malformed-bad-name': 1 } })
      expect(
        world
          .notices()
          .map(({ name, labels }) => [name, labels])
          .sort(),
      ).toEqual([
        ['hot', { host: 'a', metric: 'cpu', 'service.name': 'shop' }],
        ['many', { host: 'a', metric: 'hits', 'service.name': 'shop' }],
        ['slow', { host: 'a', le: '+Inf', metric: 'latency.bucket', 'service.name': 'shop' }],
      ])
      balanced(world)
    },
  )

  test.each<[string, Body, Record<string, string>, number]>([
    ['no JSON', '{', { 'content-type': 'application/json' }, 400],
    ['another JSON', '{"resourceMetrics":7}', { 'content-type': 'application/json' }, 400],
    ['no protobuf', Buffer.from([0xff, 0xff]), { 'content-type': 'application/x-protobuf' }, 400],
    ['another type', 'x', { 'content-type': 'text/plain' }, 415],
    ['an encoding that is not known', 'x', { 'content-type': 'application/json', 'content-encoding': 'br' }, 415],
    ['no gzip', 'x', { 'content-type': 'application/json', 'content-encoding': 'gzip' }, 400],
    ['a body that is too long', 'x'.repeat(70_000), { 'content-type': 'application/json' }, 413],
    [
      'one that unpacks to too much',
      gzipSync('x'.repeat(1_000_000)),
      { 'content-type': 'application/json', 'content-encoding': 'gzip' },
      413,
    ],
  ])('%s is refused', async (_, body, headers, status) => {
    const world = await open({ otlpListenPort: 0, maxAnswerBytes: 65_536 })
    expect((await post(world, body, headers)).status).toBe(status)
    const good = await post(world, JSON.stringify(requestOf()), { 'content-type': 'application/json' })
    expect(await good.json()).toEqual({})
  })
})
