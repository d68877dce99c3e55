import fc from 'fast-check'
import { parseExposition } from '../src/collect/prometheus-text.ts'
import { sampleLimits, type Sample } from '../src/collect/sample.ts'

const word = fc.constantFrom('a', 'a_total', 'a_bucket', 'a_sum', 'a_count', 'a:b', '1', 'é', '', '__proto__', 'le')
const value = fc.constantFrom('1', '-1', '1e3', '1e999', 'NaN', '+Inf', '0x1', '', '"', '\\')
const label = fc
  .tuple(word, fc.constantFrom('x', '\\n', '\\"', '\\', '"', '}', '{', ',', '', '\u0000'))
  .map(([name, text]) => `${name}="${text}"`)
const line = fc.oneof(
  fc
    .tuple(
      word,
      fc.array(label, { maxLength: 3 }),
      fc.constantFrom(',', ',,', ' '),
      value,
      fc.constantFrom('', ' 1', ' 1.5', ' x', ' # {} 1'),
    )
    .map(([name, labels, between, number, rest]) => `${name}{${labels.join(between)}} ${number}${rest}`),
  fc.tuple(word, value).map((parts) => parts.join(' ')),
  fc
    .tuple(word, fc.constantFrom('counter', 'gauge', 'histogram', 'summary', 'x', ''))
    .map(([name, type]) => `# TYPE ${name} ${type}`),
  fc.constantFrom('# EOF', '#', '# HELP a', '   ', '{', '}', 'a{'),
  fc.string({ maxLength: 30 }),
)

export const inputs = fc.record({
  text: fc.array(line, { maxLength: 10 }).map((lines) => lines.join('\n')),
  openMetrics: fc.boolean(),
})

/** Every line is read, refused or passed over, once. Every sample is within its limits. */
export const check = ({ text, openMetrics }: { readonly text: string; readonly openMetrics: boolean }): void => {
  const { samples, refused } = parseExposition(text, { openMetrics, tags: { instance: 'x:1' } })
  const lines = text.split('\n').filter((each) => each.trim() !== '' && !each.trim().startsWith('#'))
  const isCutOff = refused.some(({ reason }) => reason === 'cut-off')
  if (!isCutOff && samples.length + refused.length !== lines.length)
    throw new Error('a line is neither read nor refused')
  for (const sample of samples) checkSample(sample)
}

const checkSample = ({ value: measured, tags, timeMs = 0 }: Sample): void => {
  if (!Number.isFinite(measured) || !Number.isFinite(timeMs)) throw new Error(`not finite: ${measured}, ${timeMs}`)
  if (Object.keys(tags).length > sampleLimits.maxTags) throw new Error('too many tags')
}
