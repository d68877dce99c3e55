import {
  boundedTags,
  parseValue,
  refuse,
  sampleLimits,
  type Malformed,
  type Parsed,
  type Refused,
  type Sample,
} from './sample.ts'

export interface ExpositionOptions {
  /** OpenMetrics: timestamps are in seconds, and the last line is `# EOF`. Else text format 0.0.4: they are in milliseconds. */
  readonly openMetrics: boolean
  /** Added to those samples that have no tag of that name. */
  readonly tags: Readonly<Record<string, string>>
}

/** Samples of one answer. */
export const maxExpositionSamples = 100_000
const maxLineLength = 16_384
const maxFamilies = 20_000

/**
 * Reads what a service exposes for Prometheus: text format 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats/) or OpenMetrics 1.0.
 * Counters, and the buckets, sums and counts of histograms and summaries, are totals. Anything else is a gauge. Help, units and exemplars are passed over.
 * Never throws: each line that cannot be read is listed with its reason. An OpenMetrics text without its end is cut off: it is refused whole.
 */
export const parseExposition = (text: string, { openMetrics, tags }: ExpositionOptions): Parsed => {
  if (openMetrics && !/(?:^|\n)# EOF\n?$/.test(text))
    return { samples: [], refused: [refuse('cut-off', text.slice(-80))] }
  const samples: Sample[] = []
  const refused: Refused[] = []
  const types = new Map<string, string>()
  for (const line of linesOf(text)) {
    if (line.startsWith('#')) {
      noteType(line, types)
      continue
    }
    if (samples.length + refused.length >= maxExpositionSamples) {
      refused.push(refuse('too-many-values', line))
      break
    }
    const sample = line.length > maxLineLength ? 'too-long' : sampleOf(line, types, openMetrics, tags)
    if (typeof sample === 'string') refused.push(refuse(sample, line))
    else samples.push(sample)
  }
  return { samples, refused }
}

function* linesOf(text: string): Generator<string> {
  for (let start = 0; start < text.length;) {
    const found = text.indexOf('\n', start)
    const end = found === -1 ? text.length : found
    const line = text.slice(start, end).trim()
    if (line !== '') yield line
    start = end + 1
  }
}

const noteType = (line: string, types: Map<string, string>): void => {
  const [, name, type] = /^#\s+TYPE\s+(\S+)\s+(\S+)$/.exec(line) ?? []
  if (name !== undefined && type !== undefined && types.size < maxFamilies) types.set(name, type)
}

const nameForm = /[a-zA-Z_:][a-zA-Z0-9_:]*/y
const labelForm = /\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(,|(?=\}))/y
const restForm = /^\s*(\S+)(?:\s+([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?))?\s*(?:#.*)?$/

const sampleOf = (
  line: string,
  types: ReadonlyMap<string, string>,
  openMetrics: boolean,
  more: Readonly<Record<string, string>>,
): Sample | Malformed => {
  nameForm.lastIndex = 0
  const name = nameForm.exec(line)?.[0]
  if (name === undefined || name.length > sampleLimits.maxNameLength) return 'bad-name'
  const labels = labelsOf(line, name.length)
  if (labels === undefined) return 'bad-tags'
  const [, valueText, timeText] = restForm.exec(line.slice(labels.end)) ?? []
  if (valueText === undefined) return 'no-value'
  const value = parseValue(valueText)
  if (value === undefined) return 'bad-value'
  const own = new Set(labels.pairs.map(([label]) => label))
  const tags = boundedTags([...labels.pairs, ...Object.entries(more).filter(([label]) => !own.has(label))])
  if (typeof tags === 'string') return tags
  const timeMs = timeText === undefined ? undefined : Number(timeText) * (openMetrics ? 1000 : 1)
  if (timeMs !== undefined && !Number.isFinite(timeMs)) return 'bad-time'
  const isTotal = isCumulative(name, types)
  return {
    name,
    type: isTotal ? 'meter' : 'gauge',
    cumulative: isTotal,
    value,
    weight: 1,
    relative: false,
    tags,
    timeMs,
  }
}

const labelsOf = (
  line: string,
  start: number,
): { readonly pairs: (readonly [string, string])[]; readonly end: number } | undefined => {
  const open = /\s*\{/y
  open.lastIndex = start
  if (!open.test(line)) return { pairs: [], end: start }
  const pairs: (readonly [string, string])[] = []
  let at = open.lastIndex
  for (;;) {
    const close = /\s*\}/y
    close.lastIndex = at
    if (close.test(line)) return { pairs, end: close.lastIndex }
    labelForm.lastIndex = at
    const [, label, value] = labelForm.exec(line) ?? []
    if (label === undefined || value === undefined) return undefined
    pairs.push([label, unescaped(value)])
    at = labelForm.lastIndex
  }
}

const unescaped = (text: string): string =>
  text.includes('\\') ? text.replaceAll(/\\(.)/g, (_, next: string) => (next === 'n' ? '\n' : next)) : text

/** By the type of its family: that of its name, or of its name without what the type adds. */
const isCumulative = (name: string, types: ReadonlyMap<string, string>): boolean => {
  const own = types.get(name)
  if (own !== undefined) return own === 'counter'
  const [, family, suffix] = /^(.+)_(total|bucket|sum|count)$/.exec(name) ?? []
  const type = family === undefined ? undefined : types.get(family)
  if (suffix === 'total') return type === 'counter'
  return (type === 'histogram' || type === 'summary') && !(type === 'summary' && suffix === 'bucket')
}
