import * as z from 'zod'
import {
  boundedTags,
  boundedValue,
  isName,
  refuse,
  type Malformed,
  type Parsed,
  type Refused,
  type Sample,
} from './sample.ts'

/** Points of one request. */
export const maxOtlpPoints = 100_000

const count = z.union([
  z.number(),
  z
    .string()
    .regex(/^\d{1,20}$/)
    .transform(Number),
])
const integer = z.union([
  z.number(),
  z
    .string()
    .regex(/^-?\d{1,20}$/)
    .transform(Number),
])
/** Infinities and NaN among them, which JSON writes as texts: such a value is refused with its point, and not with the request. */
const double = z.union([z.custom<number>((given) => typeof given === 'number'), z.string().transform(Number)])
const value = z.looseObject({
  stringValue: z.string().optional(),
  boolValue: z.boolean().optional(),
  intValue: integer.optional(),
  doubleValue: double.optional(),
})
const attributes = z.array(z.object({ key: z.string(), value: value.nullish() })).default([])
const pointBase = {
  attributes,
  startTimeUnixNano: count.default(0),
  timeUnixNano: count.default(0),
  flags: z.number().default(0),
}
const numberPoint = z.object({ ...pointBase, asDouble: double.nullish(), asInt: integer.nullish() })
const histogramPoint = z.object({
  ...pointBase,
  count: count.default(0),
  sum: double.nullish(),
  bucketCounts: z.array(count).default([]),
  explicitBounds: z.array(double).default([]),
})
const summaryPoint = z.object({
  ...pointBase,
  count: count.default(0),
  sum: double.default(0),
  quantileValues: z.array(z.object({ quantile: double.default(0), value: double.default(0) })).default([]),
})
/** 1 is delta, 2 cumulative; some write the names. */
const temporality = z
  .union([z.number(), z.string()])
  .default(0)
  .transform((given) =>
    given === 1 || String(given).endsWith('_DELTA')
      ? 'delta'
      : given === 2 || String(given).endsWith('_CUMULATIVE')
        ? 'total'
        : undefined,
  )
const metric = z.object({
  name: z.string().default(''),
  gauge: z.object({ dataPoints: z.array(numberPoint).default([]) }).nullish(),
  sum: z
    .object({
      dataPoints: z.array(numberPoint).default([]),
      aggregationTemporality: temporality,
      isMonotonic: z.boolean().default(false),
    })
    .nullish(),
  histogram: z
    .object({ dataPoints: z.array(histogramPoint).default([]), aggregationTemporality: temporality })
    .nullish(),
  exponentialHistogram: z
    .object({ dataPoints: z.array(histogramPoint).default([]), aggregationTemporality: temporality })
    .nullish(),
  summary: z.object({ dataPoints: z.array(summaryPoint).default([]) }).nullish(),
})
const requestForm = z.object({
  resourceMetrics: z
    .array(
      z.object({
        resource: z.object({ attributes }).nullish(),
        scopeMetrics: z.array(z.object({ metrics: z.array(metric).default([]) })).default([]),
      }),
    )
    .default([]),
})

type Metric = z.output<typeof metric>
type Attributes = z.output<typeof attributes>
type Point = Pick<z.output<typeof numberPoint>, keyof typeof pointBase>

/** Attributes of a resource that tell its series apart; the others would be tags of every sample. */
const resourceTags: ReadonlySet<string> = new Set(['service.name', 'service.namespace', 'service.instance.id'])
const noRecordedValue = 1

/**
 * Reads the JSON form of an ExportMetricsServiceRequest of OTLP 1. Gauges and sums keep their names. A histogram or summary is `NAME.count` and
 * `NAME.sum`, the buckets `NAME.bucket` with the tag `le`, all of them counts, as Prometheus has them. Throws where it is no such request; a point that
 * cannot be read is listed with its reason.
 */
export const parseOtlp = (request: unknown): Parsed => {
  const checked = requestForm.safeParse(request)
  if (!checked.success) {
    const [issue] = checked.error.issues
    throw new Error(
      `the request is no ExportMetricsServiceRequest: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`,
    )
  }
  const reader = pointReader()
  for (const { resource, scopeMetrics } of checked.data.resourceMetrics) {
    const shared = (resource?.attributes ?? []).filter(({ key }) => resourceTags.has(key))
    for (const { metrics } of scopeMetrics) for (const each of metrics) readMetric(each, shared, reader.add)
  }
  return reader
}

interface Found {
  readonly name: string
  readonly kind: 'gauge' | 'change' | 'delta' | 'total'
  readonly value: number | undefined
  readonly point: Point
  readonly shared: Attributes
  readonly more?: readonly (readonly [string, string])[]
}

const pointReader = () => {
  const samples: Sample[] = []
  const refused: Refused[] = []
  // All that is too much shares one entry, so that it costs little memory.
  let surplus: Refused | undefined
  const add = (found: Found) => {
    if (samples.length + refused.length >= maxOtlpPoints) {
      surplus ??= refuse('too-many-values', found.name)
      refused.push(surplus)
      return
    }
    const sample = sampleOf(found)
    if (typeof sample === 'string') refused.push(refuse(sample, found.name))
    else samples.push(sample)
  }
  return { samples, refused, add }
}

const sampleOf = ({ name, kind, value: given, point, shared, more = [] }: Found): Sample | Malformed => {
  if (!isName(name)) return 'bad-name'
  if (given === undefined || (point.flags & noRecordedValue) !== 0) return 'no-value'
  const bounded = Number.isFinite(given) ? boundedValue(given) : undefined
  if (bounded === undefined) return 'bad-value'
  // What comes later replaces what comes earlier.
  const pairs = new Map([...tagsOf(shared), ...tagsOf(point.attributes), ...more])
  const tags = boundedTags([...pairs])
  if (typeof tags === 'string') return tags
  const type = kind === 'total' ? 'meter' : kind === 'delta' ? 'counter' : 'gauge'
  return {
    name,
    type,
    value: bounded,
    weight: 1,
    relative: kind === 'change',
    cumulative: kind === 'total',
    tags,
    startMs: millis(point.startTimeUnixNano),
    timeMs: millis(point.timeUnixNano),
  }
}

/** 0 is no time in OTLP. */
const millis = (nanos: number): number | undefined => (nanos === 0 ? undefined : nanos / 1e6)

const readMetric = (given: Metric, shared: Attributes, add: (found: Found) => void): void => {
  const { name } = given
  for (const point of given.gauge?.dataPoints ?? []) add({ name, kind: 'gauge', value: numberOf(point), point, shared })
  for (const point of given.sum?.dataPoints ?? []) {
    const kind = sumKind(given.sum?.aggregationTemporality, given.sum?.isMonotonic)
    add({ name, kind: kind ?? 'gauge', value: kind === undefined ? undefined : numberOf(point), point, shared })
  }
  for (const histogram of [given.histogram, given.exponentialHistogram]) {
    for (const point of histogram?.dataPoints ?? []) {
      const kind = histogram?.aggregationTemporality
      const part = (suffix: string, part_: number | null | undefined, more: Found['more'] = []) =>
        add({
          name: `${name}.${suffix}`,
          kind: kind ?? 'gauge',
          value: kind === undefined ? undefined : (part_ ?? undefined),
          point,
          shared,
          more,
        })
      part('count', point.count)
      if (point.sum !== null && point.sum !== undefined) part('sum', point.sum)
      let below = 0
      for (const [place, bucket] of point.bucketCounts.entries()) {
        below += bucket
        part('bucket', below, [['le', String(point.explicitBounds[place] ?? '+Inf')]])
      }
    }
  }
  for (const point of given.summary?.dataPoints ?? []) {
    add({ name: `${name}.count`, kind: 'total', value: point.count, point, shared })
    add({ name: `${name}.sum`, kind: 'total', value: point.sum, point, shared })
    for (const each of point.quantileValues)
      add({ name, kind: 'gauge', value: each.value, point, shared, more: [['quantile', String(each.quantile)]] })
  }
}

/** Of a sum that may fall, the total is a level, and the delta changes it. */
const sumKind = (given: 'delta' | 'total' | undefined, isMonotonic = false): Found['kind'] | undefined => {
  if (given === undefined || isMonotonic) return given
  return given === 'delta' ? 'change' : 'gauge'
}

const numberOf = ({ asDouble, asInt }: z.output<typeof numberPoint>): number | undefined =>
  asDouble ?? asInt ?? undefined

const tagsOf = (given: Attributes): (readonly [string, string])[] =>
  given.flatMap(({ key, value: any }) => {
    const found = any?.stringValue ?? any?.boolValue ?? any?.intValue ?? any?.doubleValue
    return found === undefined ? [] : [[key, String(found)] as const]
  })
