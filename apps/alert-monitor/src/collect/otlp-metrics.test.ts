import { describe, expect, test } from 'vitest'
import { encodeOtlpRequest } from '../../test/otlp-request.ts'
import { maxOtlpPoints, parseOtlp } from './otlp-metrics.ts'
import { decodeOtlp } from './otlp-protobuf.ts'

const requestOf = (...metrics: object[]) => ({ resourceMetrics: [{ scopeMetrics: [{ metrics }] }] })
const gauge = (name: string, ...values: unknown[]) => ({
  name,
  gauge: { dataPoints: values.map((asDouble) => ({ asDouble })) },
})

describe('bug: one value that is no number refused the whole request', () => {
  test.each([NaN, Infinity, -Infinity])('protobuf: %s', (value) => {
    const bytes = encodeOtlpRequest(requestOf(gauge('good', 1), gauge('odd', value, 2)))
    const { samples, refused } = parseOtlp(decodeOtlp(bytes))
    expect(samples.map(({ name, value: each }) => [name, each])).toEqual([
      ['good', 1],
      ['odd', 2],
    ])
    expect(refused).toEqual([{ reason: 'bad-value', excerpt: 'odd' }])
  })

  test('JSON: the text of one, a number beyond all, and the quantile of an empty summary', () => {
    const summary = { dataPoints: [{ count: '0', quantileValues: [{ quantile: 0.5, value: 'NaN' }] }] }
    const text = JSON.stringify(requestOf(gauge('odd', 'NaN', 'big'), { name: 's', summary })).replace('"big"', '1e999')
    const { samples, refused } = parseOtlp(JSON.parse(text))
    expect(samples.map(({ name }) => name)).toEqual(['s.count', 's.sum'])
    expect(refused.map(({ excerpt }) => excerpt)).toEqual(['odd', 'odd', 's'])
  })
})

test('a value of another type still refuses the request', () => {
  expect(() => parseOtlp(requestOf(gauge('odd', true)))).toThrow('asDouble')
})

test('bug: of the points beyond the bound only one was counted as refused', () => {
  const { samples, refused } = parseOtlp(requestOf(gauge('many', ...Array<number>(maxOtlpPoints + 3).fill(1))))
  expect(samples).toHaveLength(maxOtlpPoints)
  expect(refused.map(({ reason }) => reason)).toEqual(Array(3).fill('too-many-values'))
})

test('the start of a total is told, unless it is not known', () => {
  const sum = (more: object) => ({
    name: 'hits',
    sum: {
      aggregationTemporality: 2,
      isMonotonic: true,
      dataPoints: [{ asInt: '5', timeUnixNano: '2000000000', ...more }],
    },
  })
  const request = requestOf(sum({ startTimeUnixNano: '1000000000' }), sum({}))
  for (const given of [request, decodeOtlp(encodeOtlpRequest(request))])
    expect(parseOtlp(given).samples.map(({ startMs, timeMs }) => [startMs, timeMs])).toEqual([
      [1_000, 2_000],
      [undefined, 2_000],
    ])
})
