/** The type of a sample. A meter counts as a counter does. */
export const sampleTypes = ['counter', 'timer', 'gauge', 'set', 'histogram', 'distribution', 'meter'] as const
export type SampleType = (typeof sampleTypes)[number]

/** The types by their StatsD letters. */
export const typesByLetters: ReadonlyMap<string, SampleType> = new Map([
  ['c', 'counter'],
  ['ms', 'timer'],
  ['g', 'gauge'],
  ['s', 'set'],
  ['h', 'histogram'],
  ['d', 'distribution'],
  ['m', 'meter'],
  ['C', 'meter'],
])

/** Whether values of this type are totals since the sender's start: brubeck's `C`, as the counters of an operating system or of Prometheus. */
export const isCumulative = (letters: string): boolean => letters === 'C'

/** One measured value, from whichever source. */
export interface Sample {
  readonly name: string
  readonly type: SampleType
  /** Finite. Of a timer milliseconds, not negative; of a set 1. */
  readonly value: number
  /** How many events the sample stands for: 1 / sample rate. */
  readonly weight: number
  /** The value is added to the gauge rather than set. */
  readonly relative: boolean
  /** The value is a total: what it rose by since the sample before counts. */
  readonly cumulative?: boolean
  /** When the sender of a total began to count, milliseconds since the epoch; undefined = not known. */
  readonly startMs?: number | undefined
  /** The member that a set counts once. */
  readonly member?: string | undefined
  readonly tags: Readonly<Record<string, string>>
  /** When it was measured, milliseconds since the epoch; undefined = on arrival. */
  readonly timeMs?: number | undefined
}

/** Why a line or a body was refused. The list is closed: it labels a counter. */
export type Malformed =
  | 'bad-json'
  | 'bad-name'
  | 'bad-rate'
  | 'bad-tags'
  | 'bad-time'
  | 'bad-type'
  | 'bad-value'
  | 'cut-off'
  | 'no-value'
  | 'not-utf8'
  | 'tag-too-long'
  | 'too-long'
  | 'too-many-tags'
  | 'too-many-values'
  | 'unknown-section'
  | 'unsupported'

export type TagFault = Extract<Malformed, 'bad-tags' | 'tag-too-long' | 'too-many-tags'>

export interface Refused {
  readonly reason: Malformed
  /** The start of what was refused, on one line of printable characters. */
  readonly excerpt: string
}

/** The contents of a packet or body. Nothing of it is lost between the two lists. */
export interface Parsed {
  readonly samples: readonly Sample[]
  readonly refused: readonly Refused[]
}

/** Bounds on one line of input, in characters unless the name says otherwise. */
export const sampleLimits = {
  maxNameLength: 256,
  maxLineBytes: 4096,
  maxMemberLength: 256,
  maxTags: 32,
  maxTagLength: 256,
  maxValuesPerLine: 128,
  /** Larger values would lose counts to rounding and overflow sums. */
  maxAbsoluteValue: 1e15,
  /** One sample may stand for at most a million events. */
  minRate: 1e-6,
} as const

const excerptLength = 80

/** Text from outside is cut and made printable. */
export const refuse = (reason: Malformed, text: string): Refused => ({
  reason,
  excerpt: text.slice(0, excerptLength).replaceAll(/[^\x20-\x7e]/g, '?'),
})

// No separators of the protocol, white space, control characters or lone surrogates.
const nameForm = /^[^\s:|@#\p{C}]+$/u

/** Whether a metric may have this name. */
export const isName = (text: string): boolean => text.length <= sampleLimits.maxNameLength && nameForm.test(text)

const numberForm = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?$/

/** A decimal number within the limits, else undefined: no hexadecimal, no Infinity, no NaN, no empty text. */
export const parseValue = (text: string): number | undefined =>
  text.length <= 64 && numberForm.test(text) ? boundedValue(Number(text)) : undefined

/** The value, unless it is over the limit. */
export const boundedValue = (value: number): number | undefined =>
  Math.abs(value) <= sampleLimits.maxAbsoluteValue ? value : undefined

/** A sample rate in (0, 1], else undefined. */
export const boundedRate = (rate: number | undefined): number | undefined =>
  rate !== undefined && rate >= sampleLimits.minRate && rate <= 1 ? rate : undefined

/** The tags with names sorted, so that equal tags make equal series; or which limit they break. */
export const boundedTags = (pairs: readonly (readonly [string, string])[]): Sample['tags'] | TagFault => {
  if (pairs.length > sampleLimits.maxTags) return 'too-many-tags'
  for (const [name, value] of pairs) {
    if (name === '' || /\p{C}/u.test(name + value)) return 'bad-tags'
    if (name.length + value.length > sampleLimits.maxTagLength) return 'tag-too-long'
  }
  // Object.fromEntries defines own properties, also for names such as `__proto__`.
  return Object.fromEntries([...pairs].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
}
