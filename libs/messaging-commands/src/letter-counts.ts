import type { Letter } from './letter.ts'

/** Letters of one topic that failed alike. */
export interface LetterCount {
  readonly topic: string
  readonly reason: string
  readonly handler: string
  /** The error's class. */
  readonly error: string
  count: number
  oldest: Date
  newest: Date
}

export interface LetterCounts {
  add(letter: Letter): void
  /** The most frequent first. */
  list(): readonly LetterCount[]
}

/** Beyond this many kinds of letters, the rest is counted as one kind. */
const maxKinds = 1_000
const others = { reason: '(others)', handler: '', error: '' }

/** Counts letters by topic, reason, handler and class of error. */
export const createLetterCounts = (): LetterCounts => {
  const kinds = new Map<string, LetterCount>()
  return {
    add: ({ stored, envelope }) => {
      const { topic, storedAt } = stored
      const own = { reason: envelope?.reason ?? '', handler: envelope?.handler ?? '', error: envelope?.error ?? '' }
      const isKnown = kinds.has(keyOf(topic, own))
      const kind = isKnown || kinds.size < maxKinds ? own : others
      const key = keyOf(topic, kind)
      const known = kinds.get(key) ?? { topic, ...kind, count: 0, oldest: storedAt, newest: storedAt }
      known.count += 1
      if (storedAt < known.oldest) known.oldest = storedAt
      if (storedAt > known.newest) known.newest = storedAt
      kinds.set(key, known)
    },
    list: () => [...kinds.values()].sort((a, b) => b.count - a.count || a.topic.localeCompare(b.topic)),
  }
}

const keyOf = (topic: string, { reason, handler, error }: typeof others): string =>
  JSON.stringify([topic, reason, handler, error])
