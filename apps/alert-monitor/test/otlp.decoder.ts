import fc from 'fast-check'
import { parseOtlp } from '../src/collect/otlp-metrics.ts'
import { decodeOtlp } from '../src/collect/otlp-protobuf.ts'
import { encodeOtlpRequest } from './otlp-request.ts'

const number = fc.constantFrom<unknown>(
  0,
  1,
  -1,
  1.5,
  1e300,
  '7',
  '-7',
  '18446744073709551615',
  'NaN',
  'Infinity',
  null,
  'x',
  {},
)
const text = fc.constantFrom('a', 'a b', '', 'é', '__proto__', 'x'.repeat(300))
const attributes = fc.array(
  fc.record({
    key: text,
    value: fc.oneof(fc.record({ stringValue: text }), fc.record({ intValue: number }), fc.constant(null)),
  }),
  {
    maxLength: 3,
  },
)
const point = fc.record(
  {
    attributes,
    timeUnixNano: number,
    asDouble: number,
    asInt: number,
    count: number,
    sum: number,
    bucketCounts: fc.array(number, { maxLength: 3 }),
    explicitBounds: fc.array(number, { maxLength: 3 }),
    flags: fc.constantFrom<unknown>(0, 1, 'x'),
  },
  { requiredKeys: [] },
)
const data = fc.record(
  {
    dataPoints: fc.oneof(fc.array(point, { maxLength: 3 }), fc.constantFrom<unknown>(null, 7)),
    aggregationTemporality: fc.constantFrom<unknown>(0, 1, 2, 'AGGREGATION_TEMPORALITY_DELTA', null, 7),
    isMonotonic: fc.boolean(),
  },
  { requiredKeys: [] },
)
const metric = fc.record(
  { name: text, gauge: data, sum: data, histogram: data, exponentialHistogram: data, summary: data },
  { requiredKeys: [] },
)
const request = fc.record({
  resourceMetrics: fc.array(
    fc.record({
      resource: fc.record({ attributes }),
      scopeMetrics: fc.array(fc.record({ metrics: fc.array(metric, { maxLength: 3 }) }), { maxLength: 2 }),
    }),
    {
      maxLength: 2,
    },
  ),
})
const good = encodeOtlpRequest({
  resourceMetrics: [
    {
      scopeMetrics: [
        {
          metrics: [
            {
              name: 'a',
              gauge: { dataPoints: [{ asDouble: 1, attributes: [{ key: 'k', value: { stringValue: 'v' } }] }] },
            },
          ],
        },
      ],
    },
  ],
})

export const inputs = fc.oneof(
  request,
  fc.uint8Array({ maxLength: 200 }),
  fc
    .tuple(fc.nat(good.length - 1), fc.nat(255))
    .map(([place, byte]) => Uint8Array.from(good, (each, at) => (at === place ? byte : each))),
)

/** It is no request, and that is said, or each point is read or refused. Every sample is finite. */
export const check = (input: unknown): void => {
  let parsed: ReturnType<typeof parseOtlp>
  try {
    parsed = parseOtlp(input instanceof Uint8Array ? decodeOtlp(input) : input)
  } catch (error) {
    if (error instanceof TypeError || error instanceof ReferenceError) throw error
    return
  }
  for (const { value, timeMs = 0 } of parsed.samples)
    if (!Number.isFinite(value) || !Number.isFinite(timeMs)) throw new Error(`not finite: ${value}, ${timeMs}`)
}
