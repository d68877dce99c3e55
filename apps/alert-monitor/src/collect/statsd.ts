import {
  boundedRate,
  boundedTags,
  isCumulative,
  isName,
  parseValue,
  refuse,
  sampleLimits,
  typesByLetters,
  type Malformed,
  type Parsed,
  type Refused,
  type Sample,
} from './sample.ts'
import { splitLine, type Group } from './statsd-line.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true })
const lineFeed = 0x0a

/**
 * Reads a packet of StatsD lines (https://github.com/statsd/statsd/blob/master/docs/metric_types.md) with what servers and clients added; the
 * grammar is that of `splitLine`. Never throws: what is refused is listed with its reason, once a line, and the other values of the line and the
 * other lines of the packet count. Events and service checks of DogStatsD are `unsupported`.
 */
export const parseStatsd = (packet: Uint8Array): Parsed => {
  const samples: Sample[] = []
  const refused: Refused[] = []
  for (const bytes of lines(packet)) {
    const line = decode(bytes)
    const fault = typeof line === 'string' ? parseLine(line, samples) : line.reason
    if (fault === undefined) continue
    refused.push(refuse(fault, typeof line === 'string' ? line : Buffer.from(bytes).toString('latin1')))
  }
  return { samples, refused }
}

/** How many lines a packet holds, for a packet that is dropped unread. */
export const countLines = (packet: Uint8Array): number => {
  let count = 0
  for (const _ of lines(packet)) count += 1
  return count
}

function* lines(packet: Uint8Array): Generator<Uint8Array> {
  for (let start = 0; start < packet.length;) {
    const found = packet.indexOf(lineFeed, start)
    const end = found === -1 ? packet.length : found
    const line = packet.subarray(start, packet[end - 1] === 0x0d && end > start ? end - 1 : end)
    if (line.length > 0) yield line
    start = end + 1
  }
}

const decode = (bytes: Uint8Array): string | { reason: Malformed } => {
  if (bytes.length > sampleLimits.maxLineBytes) return { reason: 'too-long' }
  try {
    return utf8.decode(bytes)
  } catch {
    return { reason: 'not-utf8' }
  }
}

/** Adds the samples of a line. Answers why not all of it could be read. */
const parseLine = (text: string, samples: Sample[]): Malformed | undefined => {
  if (text.startsWith('_e{') || text.startsWith('_sc|')) return 'unsupported'
  const line = splitLine(text)
  if (typeof line === 'string') return line
  const { name, groups } = line
  if (!isName(name)) return 'bad-name'
  const tags = boundedTags(line.tags)
  if (typeof tags === 'string') return tags
  const values = groups.reduce((count, group) => count + valuesOf(group).length, 0)
  if (values > sampleLimits.maxValuesPerLine) return 'too-many-values'
  let fault: Malformed | undefined
  for (const group of groups) {
    const read = parseGroup(group, { name, tags })
    if (typeof read === 'string') fault ??= read
    else samples.push(...read)
  }
  return fault
}

/** A member of a set may hold colons. */
const valuesOf = ({ letters, values }: Group): readonly string[] => (letters === 's' ? [values] : values.split(':'))

const parseGroup = (group: Group, shared: Pick<Sample, 'name' | 'tags'>): readonly Sample[] | Malformed => {
  const { letters = '', rate, isOdd } = group
  const type = typesByLetters.get(letters)
  if (type === undefined) return 'bad-type'
  if (isOdd) return 'unknown-section'
  const part = rate === undefined ? 1 : boundedRate(parseValue(rate))
  if (part === undefined) return 'bad-rate'
  const samples: Sample[] = []
  for (const text of valuesOf(group)) {
    if (text === '') return 'no-value'
    if (type === 'set') {
      if (text.length > sampleLimits.maxMemberLength) return 'bad-value'
      samples.push({ ...shared, type, weight: 1 / part, value: 1, member: text, relative: false })
      continue
    }
    const value = parseValue(text)
    if (value === undefined || (type === 'timer' && value < 0)) return 'bad-value'
    const relative = type === 'gauge' && /^[+-]/.test(text)
    const sample = { ...shared, type, weight: 1 / part, value, relative }
    samples.push(isCumulative(letters) ? { ...sample, weight: 1, cumulative: true } : sample)
  }
  return samples
}
