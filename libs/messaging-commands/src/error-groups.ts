import { hash } from 'node:crypto'
import type { Letter } from './letter.ts'

/** Dead letters that failed in the same way. */
export interface ErrorGroup {
  /** The same for the same handler, reason, class of error and message, apart from numbers and ids in it. */
  readonly fingerprint: string
  readonly handler: string
  readonly reason: string
  /** The error's class. */
  readonly error: string
  count: number
  /** When it failed, as the letter says, else when the letter was stored. */
  firstSeen: Date
  lastSeen: Date
  /** Of the letter that failed last. */
  sample: ErrorSample
}

export interface ErrorSample {
  readonly topic: string
  readonly id: string
  readonly message: string
  /** The first line of the stack that names a place; empty where the letter has none. */
  readonly at: string
  readonly traceparent?: string | undefined
}

export interface ErrorGroups {
  add(letter: Letter): void
  /** The most frequent first. */
  list(): readonly ErrorGroup[]
}

/** Beyond this many groups, the rest is counted as one. */
const maxGroups = 1_000
const others = 'others'

/** Groups the letters of all topics by their fingerprints. */
export const createErrorGroups = (): ErrorGroups => {
  const groups = new Map<string, ErrorGroup>()
  return {
    add: (letter) => {
      const { handler = '', reason = '', error = '', message = '' } = letter.envelope ?? {}
      const own = fingerprintOf([handler, reason, error, patternOf(message)])
      const isNew = !groups.has(own)
      const fingerprint = isNew && groups.size >= maxGroups ? others : own
      const named = fingerprint === others ? { handler: '', reason: '(others)', error: '' } : { handler, reason, error }
      const seen = seenAt(letter)
      const known = groups.get(fingerprint)
      if (known === undefined) {
        const group = { fingerprint, ...named, count: 1, firstSeen: seen, lastSeen: seen, sample: sampleOf(letter) }
        groups.set(fingerprint, group)
        return
      }
      known.count += 1
      if (seen < known.firstSeen) known.firstSeen = seen
      if (seen < known.lastSeen) return
      known.lastSeen = seen
      known.sample = sampleOf(letter)
    },
    list: () => [...groups.values()].sort((a, b) => b.count - a.count || b.lastSeen.getTime() - a.lastSeen.getTime()),
  }
}

const fingerprintOf = (parts: readonly string[]): string => hash('sha256', JSON.stringify(parts), 'hex').slice(0, 12)

/** The parts of a message that differ from one failure to the next, from the longest kind to the shortest. */
const variables: readonly (readonly [RegExp, string])[] = [
  [/\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b/gi, '<uuid>'],
  [/\b\d{4}-\d\d-\d\d[T ][\d:.]+Z?/g, '<time>'],
  [/\b(?=[a-f]*\d)[0-9a-f]{12,}\b/gi, '<hex>'],
  [/\d+(?:\.\d+)*/g, '<n>'],
]

/** The message without numbers and ids: `order <n> is not there`. */
export const patternOf = (message: string): string =>
  variables.reduce((text, [pattern, name]) => text.replaceAll(pattern, name), message)

const seenAt = ({ stored, envelope }: Letter): Date => envelope?.failedAt ?? stored.storedAt

const sampleOf = ({ stored, envelope }: Letter): ErrorSample => ({
  topic: stored.topic,
  id: stored.id,
  message: envelope?.message ?? '',
  at:
    (envelope?.stack ?? '')
      .split('\n')
      .find((line) => /^\s*at /.test(line))
      ?.trim() ?? '',
  traceparent: envelope?.traceparent,
})
