import {
  boundedRate,
  boundedTags,
  boundedValue,
  isName,
  refuse,
  sampleLimits,
  typesByLetters,
  type Malformed,
  type Parsed,
  type Refused,
  type Sample,
  type SampleType,
} from './sample.ts'
import { parseStatsd } from './statsd.ts'

/** Bounds on one message of samples. */
export const bodyLimits = { maxBytes: 1_048_576, maxSamples: 10_000 } as const

/** A meter is another word for a counter, which JSON does without. */
const letters = [...typesByLetters].filter(([, type]) => type !== 'meter')
const types: ReadonlyMap<string, SampleType> = new Map([
  ...letters,
  ...letters.map(([, type]) => [type, type] as const),
])

const utf8 = new TextDecoder('utf-8', { fatal: true })
const openBracket = 0x5b
const openBrace = 0x7b

/**
 * Reads the body of a message of samples: StatsD lines, or JSON `{ name, value, type?, time?, rate?, tags? }`, or an array of
 * those. `type` is a word (`timer`) or a StatsD letter (`ms`), `gauge` unless given; `time` is ISO 8601 or milliseconds since the
 * epoch. Other members are ignored. Never throws: what is refused is listed with its reason.
 */
export const parseSampleBody = (body: Uint8Array): Parsed => {
  if (body.length > bodyLimits.maxBytes) return { samples: [], refused: [refuse('too-long', '')] }
  const first = body.find((byte) => byte > 0x20)
  return first === openBrace || first === openBracket ? parseJson(body) : parseStatsd(body)
}

const parseJson = (body: Uint8Array): Parsed => {
  let text: string
  try {
    text = utf8.decode(body)
  } catch {
    return { samples: [], refused: [refuse('not-utf8', Buffer.from(body.subarray(0, 80)).toString('latin1'))] }
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return { samples: [], refused: [refuse('bad-json', text)] }
  }
  const items: unknown[] = Array.isArray(value) ? value : [value]
  if (items.length > bodyLimits.maxSamples) return { samples: [], refused: [refuse('too-many-values', text)] }
  const samples: Sample[] = []
  const refused: Refused[] = []
  for (const item of items) {
    const result = parseItem(item)
    if (typeof result === 'string') refused.push(refuse(result, excerptOf(item)))
    else samples.push(result)
  }
  return { samples, refused }
}

const parseItem = (item: unknown): Sample | Malformed => {
  if (typeof item !== 'object' || item === null || Array.isArray(item)) return 'bad-json'
  const { name, value, type = 'gauge', time, rate = 1, tags = {} } = item as Record<string, unknown>
  if (typeof name !== 'string' || !isName(name)) return 'bad-name'
  const kind = typeof type === 'string' ? types.get(type) : undefined
  if (kind === undefined) return 'bad-type'
  if (value === undefined || value === null) return 'no-value'
  const weight = typeof rate === 'number' ? boundedRate(rate) : undefined
  if (weight === undefined) return 'bad-rate'
  const checked = isTags(tags) ? boundedTags(Object.entries(tags)) : 'bad-tags'
  if (typeof checked === 'string') return checked
  const timeMs = time === undefined ? undefined : parseTime(time)
  if (Number.isNaN(timeMs)) return 'bad-time'
  const shared = { name, type: kind, weight: 1 / weight, relative: false, tags: checked, timeMs }
  if (kind === 'set') {
    const member = typeof value === 'number' ? String(value) : value
    if (typeof member !== 'string' || member === '' || member.length > sampleLimits.maxMemberLength) return 'bad-value'
    return { ...shared, value: 1, member }
  }
  const number = typeof value === 'number' ? boundedValue(value) : undefined
  return number === undefined || (kind === 'timer' && number < 0) ? 'bad-value' : { ...shared, value: number }
}

/** Zod's record would leave out a tag of the name `__proto__`. */
const isTags = (value: unknown): value is Readonly<Record<string, string>> =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  Object.values(value).every((each) => typeof each === 'string')

/** NaN where it is no time. */
const parseTime = (time: unknown): number => {
  const at = typeof time === 'string' || typeof time === 'number' ? new Date(time).getTime() : Number.NaN
  return typeof time === 'string' && !/^\d{4}-\d{2}-\d{2}T/.test(time) ? Number.NaN : at
}

/** An excerpt of a text, or else only the type: a JSON object may have a member `toString` that is no function. */
const excerptOf = (item: unknown): string =>
  typeof item === 'object' && item !== null && 'name' in item && typeof item.name === 'string'
    ? `name ${item.name.slice(0, 80)}`
    : typeof item
