import { describe, expect, test } from 'vitest'
import { maxExpositionSamples, parseExposition } from './prometheus-text.ts'

const parse = (text: string, openMetrics = false, tags = {}) => parseExposition(text, { openMetrics, tags })
const shown = (text: string, openMetrics = false) =>
  parse(text, openMetrics).samples.map(({ name, value, type, cumulative, tags, timeMs }) => [
    name,
    value,
    cumulative === true ? 'total' : type,
    tags,
    timeMs,
  ])

test('the example of the format', () => {
  const text = `# HELP http_requests_total The total number of HTTP requests.
# TYPE http_requests_total counter
http_requests_total{method="post",code="200"} 1027 1395066363000
http_requests_total{method="post",code="400"}    3 1395066363000

# Escaping in label values:
msdos_file_access_time_seconds{path="C:\\\\DIR\\\\FILE.TXT",error="Cannot find file:\\"FILE.TXT\\""} 1.458255915e9

# Minimalistic line:
metric_without_timestamp_and_labels 12.47

# A weird metric from before the epoch:
something_weird{problem="division by zero"} +Inf -3982045

# TYPE http_request_duration_seconds histogram
http_request_duration_seconds_bucket{le="0.05"} 24054
http_request_duration_seconds_bucket{le="+Inf"} 144320
http_request_duration_seconds_sum 53423
http_request_duration_seconds_count 144320

# TYPE rpc_duration_seconds summary
rpc_duration_seconds{quantile="0.01"} 3102
rpc_duration_seconds_sum 1.7560473e+07
rpc_duration_seconds_count 2693
`
  expect(shown(text)).toEqual([
    ['http_requests_total', 1027, 'total', { code: '200', method: 'post' }, 1_395_066_363_000],
    ['http_requests_total', 3, 'total', { code: '400', method: 'post' }, 1_395_066_363_000],
    [
      'msdos_file_access_time_seconds',
      1.458255915e9,
      'gauge',
      { error: 'Cannot find file:"FILE.TXT"', path: 'C:\\DIR\\FILE.TXT' },
      undefined,
    ],
    ['metric_without_timestamp_and_labels', 12.47, 'gauge', {}, undefined],
    ['http_request_duration_seconds_bucket', 24054, 'total', { le: '0.05' }, undefined],
    ['http_request_duration_seconds_bucket', 144320, 'total', { le: '+Inf' }, undefined],
    ['http_request_duration_seconds_sum', 53423, 'total', {}, undefined],
    ['http_request_duration_seconds_count', 144320, 'total', {}, undefined],
    ['rpc_duration_seconds', 3102, 'gauge', { quantile: '0.01' }, undefined],
    ['rpc_duration_seconds_sum', 1.7560473e7, 'total', {}, undefined],
    ['rpc_duration_seconds_count', 2693, 'total', {}, undefined],
  ])
  expect(parse(text).refused.map(({ reason }) => reason)).toEqual(['bad-value'])
})

test('OpenMetrics: a counter without its suffix in the type, seconds, exemplars', () => {
  const text = `# TYPE foo counter
foo_total{a="b"} 17.0 1520879607.789 # {trace_id="KOO5S4vxi0o"} 0.67
# TYPE up gauge
up 1
# EOF
`
  expect(shown(text, true)).toEqual([
    ['foo_total', 17, 'total', { a: 'b' }, 1_520_879_607_789],
    ['up', 1, 'gauge', {}, undefined],
  ])
})

test.each(['1.520879607789e9', '1520879607789e-3', '+1520879607.789', '1.520879607789E+9'])(
  'bug: a sample was refused for the form of its timestamp, %s',
  (time) => {
    expect(shown(`a 17.0 ${time} # {id="x"} 0.67\n# EOF\n`, true)).toEqual([
      ['a', 17, 'gauge', {}, expect.closeTo(1_520_879_607_789, 0)],
    ])
  },
)

test('bug: the metric of a recording rule was refused for the colons of its name', () => {
  expect(shown('job:hits:rate5m{job="a"} 3')).toEqual([['job:hits:rate5m', 3, 'gauge', { job: 'a' }, undefined]])
})

test('an OpenMetrics text that is cut off is refused whole', () => {
  expect(parse('# TYPE a gauge\na 1\n', true)).toMatchObject({ samples: [], refused: [{ reason: 'cut-off' }] })
})

test('tags are added where a sample has none of their name', () => {
  expect(parse('a 1\nb{instance="own"} 2', false, { instance: 'x:1' }).samples.map(({ tags }) => tags)).toEqual([
    { instance: 'x:1' },
    { instance: 'own' },
  ])
})

describe('lines that are refused; the others count', () => {
  test.each([
    ['1abc 5', 'bad-name'],
    [`${'a'.repeat(257)} 5`, 'bad-name'],
    ['a{b=c} 5', 'bad-tags'],
    ['a{b="c} 5', 'bad-tags'],
    ['a{b="c"', 'bad-tags'],
    ['a{b="c",,} 5', 'bad-tags'],
    ['a', 'no-value'],
    ['a NaN', 'bad-value'],
    ['a 0x10', 'bad-value'],
    ['a 1e999', 'bad-value'],
    ['a 1 2 3', 'no-value'],
    ['a 1 1e999', 'bad-time'],
    [`a{b="${'x'.repeat(20_000)}"} 5`, 'too-long'],
    [`a{b="${'x'.repeat(300)}"} 5`, 'tag-too-long'],
  ])('%j', (line, reason) => {
    const { samples, refused } = parse(`good 1\n${line}\r\ngood{} 2`)
    expect(refused.map((each) => each.reason)).toEqual([reason])
    expect(samples.map(({ value }) => value)).toEqual([1, 2])
  })

  test('more than an answer may hold: one is told for all', () => {
    const { samples, refused } = parse('a 1\n'.repeat(maxExpositionSamples + 10))
    expect(samples).toHaveLength(maxExpositionSamples)
    expect(refused.map(({ reason }) => reason)).toEqual(['too-many-values'])
  })
})
