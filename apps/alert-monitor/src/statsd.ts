import {
  boundedRate,
  boundedTags,
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

const utf8 = new TextDecoder('utf-8', { fatal: true })
const lineFeed = 0x0a

/**
 * Reads a packet of StatsD lines (`name:value|type|@rate`, https://github.com/statsd/statsd/blob/master/docs/metric_types.md)
 * with the DogStatsD additions `|#tag:value,...` and several values a line (`name:1:2|ms`). Never throws: a line that is
 * refused is listed with its reason, the other lines of its packet count. Events and service checks are `unsupported`.
 */
export const parseStatsd = (packet: Uint8Array): Parsed => {
  const samples: Sample[] = []
  const refused: Refused[] = []
  for (const bytes of lines(packet)) {
    const line = decode(bytes)
    const result = typeof line === 'string' ? parseLine(line) : line.reason
    if (typeof result !== 'string') samples.push(...result)
    else refused.push(refuse(result, typeof line === 'string' ? line : Buffer.from(bytes).toString('latin1')))
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

const parseLine = (line: string): readonly Sample[] | Malformed => {
  if (line.startsWith('_e{') || line.startsWith('_sc|')) return 'unsupported'
  const [head = '', letters, ...sections] = line.split('|')
  const colon = head.indexOf(':')
  if (!isName(colon === -1 ? head : head.slice(0, colon))) return 'bad-name'
  if (colon === -1) return 'no-value'
  const type = typesByLetters.get(letters ?? '')
  if (type === undefined) return 'bad-type'
  const suffix = parseSections(sections)
  if (typeof suffix === 'string') return suffix
  const shared = { name: head.slice(0, colon), type, ...suffix }
  const values = head.slice(colon + 1)
  if (type === 'set') return parseMember(values, shared)
  const texts = values.split(':')
  if (texts.length > sampleLimits.maxValuesPerLine) return 'too-many-values'
  const samples: Sample[] = []
  for (const text of texts) {
    const value = parseValue(text)
    if (value === undefined || (type === 'timer' && value < 0)) return text === '' ? 'no-value' : 'bad-value'
    samples.push({ ...shared, value, relative: type === 'gauge' && /^[+-]/.test(text) })
  }
  return samples
}

const parseMember = (member: string, shared: Pick<Sample, 'name' | 'type' | 'weight' | 'tags'>) => {
  if (member === '') return 'no-value'
  if (member.length > sampleLimits.maxMemberLength) return 'bad-value'
  return [{ ...shared, value: 1, member, relative: false }]
}

const parseSections = (sections: readonly string[]): Pick<Sample, 'weight' | 'tags'> | Malformed => {
  let weight = 1
  let tags: Sample['tags'] | undefined = {}
  for (const section of sections) {
    if (section.startsWith('@')) {
      const rate = boundedRate(parseValue(section.slice(1)))
      if (rate === undefined) return 'bad-rate'
      weight = 1 / rate
    } else if (section.startsWith('#')) {
      tags = parseTags(section.slice(1))
      if (tags === undefined) return 'bad-tags'
      // Container id, external data, timestamp and cardinality of DogStatsD 1.2 to 1.6 say nothing about the value.
    } else if (!/^(?:c:|e:|T\d+$|card:)/.test(section)) return 'unknown-section'
  }
  return { weight, tags }
}

const parseTags = (text: string): Sample['tags'] | undefined =>
  boundedTags(
    text
      .split(',')
      .filter((tag) => tag !== '')
      .map((tag) => {
        const colon = tag.indexOf(':')
        return colon === -1 ? ([tag, ''] as const) : ([tag.slice(0, colon), tag.slice(colon + 1)] as const)
      }),
  )
