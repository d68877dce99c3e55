import { seededRandom } from '@armature/async/random'

/** A value and its time. */
export interface Point {
  readonly atMs: number
  readonly value: number
}

/** What is wrong with a series, and where: the rows from `start` up to `end`, which does not belong to it. */
export interface Labelled {
  readonly points: readonly Point[]
  readonly start: number
  readonly end: number
}

const stepMs = 300_000
const rowsPerDay = 86_400_000 / stepMs
const days = 28
const noise = 4

/** Rows that only teach: two weeks, so that a weekly season can be known. */
export const learningRows = 14 * rowsPerDay

/** The kinds of fault, each with how it changes the value of a row that is `into` rows (of `length`) into it. */
export const kinds = {
  spike: { rows: 1, change: ({ value }: Change) => value + 8 * noise },
  'level shift': { rows: rowsPerDay, change: ({ value }: Change) => value + 5 * noise },
  'trend change': { rows: rowsPerDay, change: ({ value, into, rows }: Change) => value + (10 * noise * into) / rows },
  'variance change': { rows: rowsPerDay / 2, change: ({ value, noise: off }: Change) => value + 3 * off },
  'missing season': { rows: rowsPerDay, change: ({ noise: off, level }: Change) => level + off },
  'slow drift': { rows: 4 * rowsPerDay, change: ({ value, into, rows }: Change) => value + (8 * noise * into) / rows },
} as const

export type Kind = keyof typeof kinds

interface Change {
  readonly value: number
  readonly level: number
  /** What chance added to the value. */
  readonly noise: number
  readonly into: number
  readonly rows: number
}

/**
 * 28 days at 5 minutes: a level, a season of the day, a quieter weekend, and noise with a memory (AR(1), 0.6). One fault in the second half, where
 * a kind is given. The same seed gives the same series.
 */
export const seriesOf = (seed: number, kind?: Kind): Labelled => {
  const { next } = seededRandom(seed)
  const normal = () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next())
  const level = 100 + 50 * next()
  const amplitude = 15 + 15 * next()
  const phase = next() * 2 * Math.PI
  const rows = kind === undefined ? 0 : kinds[kind].rows
  const start = learningRows + Math.floor(next() * (days * rowsPerDay - learningRows - Math.max(rows, 1) - rowsPerDay))
  let remembered = 0
  const points = Array.from({ length: days * rowsPerDay }, (_, row) => {
    remembered = 0.6 * remembered + 0.8 * noise * normal()
    const turn = (2 * Math.PI * row) / rowsPerDay
    const weekend = Math.floor(row / rowsPerDay) % 7 >= 5 ? 0.5 : 1
    const season = amplitude * weekend * (Math.sin(turn + phase) + 0.4 * Math.sin(2 * turn))
    const value = level + season + remembered
    const into = row - start
    const isFaulty = kind !== undefined && into >= 0 && into < rows
    const shown = isFaulty ? kinds[kind].change({ value, level, noise: remembered, into, rows }) : value
    return { atMs: row * stepMs, value: shown }
  })
  return { points, start, end: start + rows }
}
