import protobuf from 'protobufjs/light.js'

/** The number of a field and its type; `?` marks one whose absence is told. */
type Spec = readonly [id: number, type: string]

/** The fields of OTLP 1 (opentelemetry/proto/metrics/v1/metrics.proto and its imports) that are read. Others are passed over. */
const messages = {
  Request: { resourceMetrics: [1, 'repeated ResourceMetrics'] },
  ResourceMetrics: { resource: [1, 'Resource'], scopeMetrics: [2, 'repeated ScopeMetrics'] },
  Resource: { attributes: [1, 'repeated KeyValue'] },
  KeyValue: { key: [1, 'string'], value: [2, 'AnyValue'] },
  AnyValue: {
    stringValue: [1, 'string?'],
    boolValue: [2, 'bool?'],
    intValue: [3, 'int64?'],
    doubleValue: [4, 'double?'],
  },
  ScopeMetrics: { metrics: [2, 'repeated Metric'] },
  Metric: {
    name: [1, 'string'],
    gauge: [5, 'Gauge'],
    sum: [7, 'Sum'],
    histogram: [9, 'Histogram'],
    exponentialHistogram: [10, 'ExponentialHistogram'],
    summary: [11, 'Summary'],
  },
  Gauge: { dataPoints: [1, 'repeated NumberPoint'] },
  Sum: { dataPoints: [1, 'repeated NumberPoint'], aggregationTemporality: [2, 'int32'], isMonotonic: [3, 'bool'] },
  Histogram: { dataPoints: [1, 'repeated HistogramPoint'], aggregationTemporality: [2, 'int32'] },
  ExponentialHistogram: { dataPoints: [1, 'repeated ExponentialPoint'], aggregationTemporality: [2, 'int32'] },
  Summary: { dataPoints: [1, 'repeated SummaryPoint'] },
  NumberPoint: {
    attributes: [7, 'repeated KeyValue'],
    startTimeUnixNano: [2, 'fixed64'],
    timeUnixNano: [3, 'fixed64'],
    asDouble: [4, 'double?'],
    asInt: [6, 'sfixed64?'],
    flags: [8, 'uint32'],
  },
  HistogramPoint: {
    attributes: [9, 'repeated KeyValue'],
    startTimeUnixNano: [2, 'fixed64'],
    timeUnixNano: [3, 'fixed64'],
    count: [4, 'fixed64'],
    sum: [5, 'double?'],
    bucketCounts: [6, 'repeated fixed64'],
    explicitBounds: [7, 'repeated double'],
    flags: [10, 'uint32'],
  },
  ExponentialPoint: {
    attributes: [1, 'repeated KeyValue'],
    startTimeUnixNano: [2, 'fixed64'],
    timeUnixNano: [3, 'fixed64'],
    count: [4, 'fixed64'],
    sum: [5, 'double?'],
    flags: [10, 'uint32'],
  },
  SummaryPoint: {
    attributes: [7, 'repeated KeyValue'],
    startTimeUnixNano: [2, 'fixed64'],
    timeUnixNano: [3, 'fixed64'],
    count: [4, 'fixed64'],
    sum: [5, 'double'],
    quantileValues: [6, 'repeated Quantile'],
    flags: [8, 'uint32'],
  },
  Quantile: { quantile: [1, 'double'], value: [2, 'double'] },
  Answer: { partialSuccess: [1, 'PartialSuccess'] },
  PartialSuccess: { rejectedDataPoints: [1, 'int64'], errorMessage: [2, 'string'] },
} as const satisfies Readonly<Record<string, Readonly<Record<string, Spec>>>>

const fieldOf = ([id, text]: Spec): protobuf.IField => {
  const type = text.replace(/^repeated /, '').replace(/\?$/, '')
  if (text.startsWith('repeated ')) return { id, type, rule: 'repeated' }
  return text.endsWith('?') ? { id, type, options: { proto3_optional: true } } : { id, type }
}

const root = protobuf.Root.fromJSON({
  nested: Object.fromEntries(
    Object.entries(messages).map(([name, fields]) => [
      name,
      { fields: Object.fromEntries(Object.entries<Spec>(fields).map(([field, spec]) => [field, fieldOf(spec)])) },
    ]),
  ),
})
const request = root.lookupType('Request')
const answer = root.lookupType('Answer')

/** The JSON form of an ExportMetricsServiceRequest. Throws where the bytes are none. */
export const decodeOtlp = (bytes: Uint8Array): unknown =>
  request.toObject(request.decode(bytes), { longs: String, arrays: false, defaults: false })

/** The bytes of an ExportMetricsServiceResponse. */
export const encodeOtlpAnswer = (body: object): Uint8Array => answer.encode(answer.fromObject(body)).finish()
