import fc from 'fast-check'
import { createAlertBook } from '../src/alerts/alert-book.ts'
import { createMonitor } from '../src/rules/monitor.ts'
import { rulesFileForm } from '../src/rules/rules-file.ts'
import { sampleLimits } from '../src/collect/sample.ts'
import { countLines, parseStatsd } from '../src/collect/statsd.ts'

const name = fc.constantFrom(
  'a',
  'shop.count',
  'cpu,host=a',
  'cpu;host=a;b=',
  'cpu#a=b',
  'cpu[a=b].x',
  'q[0]',
  '[',
  '',
  'é',
  '_sc',
  '_e{1,1}',
)
const value = fc.constantFrom(
  '1',
  '-1',
  '+3',
  '0.5',
  '1e3',
  '1e999',
  'NaN',
  '',
  'x',
  'http',
  '1:2:3',
  '::',
  `${'9'.repeat(70)}`,
)
const type = fc.constantFrom('c', 'ms', 'g', 's', 'h', 'd', 'm', 'C', 'x', '', 'constructor')
const section = fc.constantFrom(
  '@0.1',
  '@1',
  '@0',
  '@',
  '#a:b',
  '#a:b,#c',
  '#__proto__:x, y',
  '#',
  '',
  'c:ci-1',
  'T1',
  'e:x',
  'card:low',
  'huh',
)
const group = fc.tuple(value, type, fc.array(section, { maxLength: 3 }))
const line = fc
  .tuple(name, fc.array(group, { maxLength: 4 }))
  .map(([bucket, groups]) =>
    [bucket, ...groups.map(([text, letters, more]) => [text, letters, ...more].join('|'))].join(':'),
  )
const text = fc.array(fc.oneof(line, fc.stringMatching(/^[a-zCT:|@#.0-9+,;=[\]{}_ \r-]{0,40}$/)), { maxLength: 6 })

/** Packets of any bytes, and of lines that are close to the protocol, some with a byte that is another. */
export const inputs: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  text.map((lines) => Buffer.from(lines.join('\n'))),
  fc.tuple(text, fc.nat(), fc.nat(255)).map(([lines, place, byte]) => {
    const packet = Buffer.from(lines.join('\n'))
    if (packet.length > 0) packet[place % packet.length] = byte
    return packet
  }),
)

const { rules } = rulesFileForm.parse({
  rules: [
    { type: 'threshold', name: 'p99', metric: '*', stat: 'p99', op: '>', value: 1 },
    { type: 'threshold', name: 'count', metric: '*', stat: 'count', op: '>', value: 1, labels: { host: 'all' } },
    { type: 'rate', name: 'rate', metric: '*', op: '>', value: 1 },
    { type: 'anomaly', name: 'anomaly', metric: '*', minDeviation: 1 },
  ],
})

/** Every line is read or refused, once. Every sample is within its limits, and can be judged and reported. */
export const check = (packet: Uint8Array): void => {
  const { samples, refused } = parseStatsd(packet)
  const lines = countLines(packet)
  if (refused.length > lines) throw new Error(`${refused.length} refusals of ${lines} lines`)
  if (samples.length + refused.length < lines) throw new Error('a line is neither read nor refused')
  const book = createAlertBook({
    repeatMs: 1_000,
    maxAlerts: 100,
    steadyMs: () => nowMs,
    wallMs: () => nowMs,
    offer: (notice) => JSON.stringify(notice).length > 0,
    onOverflow: () => undefined,
  })
  let nowMs = 1_000_000
  const limits = { maxSeries: 8, maxSetMembers: 3, maxQuantileBins: 5, seriesIdleMs: 60_000 }
  const monitor = createMonitor({ rules, book, ...limits, steadyMs: () => nowMs, wallMs: () => nowMs })
  for (const sample of samples) {
    const { value: measured, weight, tags } = sample
    if (![measured, weight].every(Number.isFinite)) throw new Error(`not finite: ${measured}, ${weight}`)
    if (Object.keys(tags).length > sampleLimits.maxTags) throw new Error('too many tags')
    monitor.observe(sample)
  }
  nowMs += 1_000
  monitor.tick()
  if (monitor.setMemberCount > limits.maxSetMembers) throw new Error(`${monitor.setMemberCount} members are held`)
}
