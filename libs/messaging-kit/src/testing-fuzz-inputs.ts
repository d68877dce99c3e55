import fc from 'fast-check'

/** Any UTF-16, also half surrogate pairs, mostly short. */
export const anyText = fc.oneof(
  { weight: 4, arbitrary: fc.string() },
  { weight: 2, arbitrary: fc.string({ unit: 'binary' }) },
  {
    weight: 1,
    arbitrary: fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) }),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '',
      ' ',
      '\u0000',
      '\r\n',
      '%',
      '%zz',
      '"',
      ':/w==:',
      '-1',
      '9'.repeat(400),
      'x'.repeat(300),
    ),
  },
)

/** Text that has UTF-8, as what came as bytes always has. */
export const wireText = anyText.map((text) => text.toWellFormed())

export const anyBytes = fc.oneof(
  { weight: 3, arbitrary: fc.uint8Array({ maxLength: 40 }) },
  { weight: 3, arbitrary: wireText.map((text) => new Uint8Array(Buffer.from(text))) },
  { weight: 1, arbitrary: fc.constantFrom(new Uint8Array(), Uint8Array.of(0xff), Uint8Array.of(0xef, 0xbb, 0xbf)) },
)

export const anyKey = fc.option(anyBytes, { nil: undefined })

const attributes = [
  'specversion',
  'id',
  'source',
  'type',
  'time',
  'subject',
  'dataschema',
  'partitionkey',
  'datacontenttype',
  'data',
]
const own = ['armaturekey', 'armaturetombstone', 'armatureheaders', 'traceparent', 'amqp-types']

/** Names that a decoder or an encoder looks for, in the styles of all protocols, and any others. */
export const headerName = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(
        fc.constantFrom('', 'ce_', 'ce-', 'CE_', 'cloudEvents_', 'cloudEvents:', 'dlt-raw-', 'dlt-', 'kafka_dlt-'),
        fc.constantFrom(...attributes, ...own, 'content-type', 'original-offset', 'envelope-version', 'redrives'),
      )
      .map((parts) => parts.join('')),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      ...['__proto__', 'constructor', 'toString', 'Nats-Msg-Id', 'x-death', 'x-delivery-count', 'body', 'header:body'],
      ...['', ' ', 'a b', 'Content-Type', '\u0130', 'x'.repeat(250), '\u6587'.repeat(100), 'retry_topic-attempts'],
    ),
  },
  { weight: 2, arbitrary: wireText },
)

const timeText = fc.constantFrom(
  ...['2026-01-02T03:04:05Z', '9999-12-31T23:59:59-01:00', '0000-01-01T00:00:00+01:00', '2026-02-30T00:00:00Z'],
  ...['1795984077747', '2026-12-31T23:59:60Z', '0001-01-01T00:00:00.123456789Z'],
)

export const headerText = fc.oneof(
  { weight: 3, arbitrary: wireText },
  { weight: 1, arbitrary: timeText },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      ...['1.0', 'true', '/s', 'my app', 'application/json', 'application/cloudevents+json', 'text/plain; charset=x'],
      ...['application/cloudevents-batch+json', 'count=json,a=timestamp,cloudEvents_id=int', '[{"queue":"q"}]'],
    ),
  },
)

/** The headers of a CloudEvent by the prefix of a protocol, of which some are then replaced. */
export const eventHeaders = (prefix: string): readonly (readonly [string, string])[] => [
  [`${prefix}specversion`, '1.0'],
  [`${prefix}id`, 'i'],
  [`${prefix}source`, '/s'],
  [`${prefix}type`, 't'],
  [`${prefix}time`, '2026-01-02T03:04:05Z'],
]

/** Headers of a CloudEvent with some faults, or any. */
export const headersOf = <Value>(
  prefix: string,
  value: fc.Arbitrary<Value>,
): fc.Arbitrary<[string, Value | string][]> =>
  fc
    .tuple(fc.boolean(), fc.array(fc.tuple(headerName, value), { maxLength: 5 }), fc.integer({ min: 0, max: 31 }))
    .map(([isEvent, more, left]) => [
      ...(isEvent ? eventHeaders(prefix).filter((_, at) => at === left || left > 4) : []).map(
        ([name, text]): [string, string] => [name, text],
      ),
      ...more,
    ])

/** Numbers that stand for times, in all units. */
export const anyTimestamp = fc.oneof(
  fc.constantFrom(-1, 0, 1_795_984_077, 1_795_984_077_747, 1_795_984_077_747_000, 1_795_984_077_747_000_000, 2 ** 63),
  fc.double(),
  fc.maxSafeInteger(),
)

/** Mostly short; some of the size at which brokers begin to refuse. */
export const anyTopic = fc.oneof(
  { weight: 5, arbitrary: fc.constant('orders.eu') },
  { weight: 1, arbitrary: fc.constantFrom('x'.repeat(249), 'a..b', 'a b', '.', '*', 'x\ufffe', '\u6587'.repeat(83)) },
)
