import { describe, expect, test } from 'vitest'
import { noises, normalSource } from '../test/noise.ts'
import { createAnomalyDetector, type Judgement } from './detector.ts'

const minuteMs = 60_000
const dayMs = 1_440 * minuteMs

/** Judges `count` values of `value(row)`, one each five minutes. */
const judged = (
  count: number,
  value: (row: number) => number,
  detector = createAnomalyDetector(),
  atMs = (row: number) => row * 5 * minuteMs,
): Judgement[] => Array.from({ length: count }, (_, row) => detector.judge(atMs(row), value(row)))

const alarms = (judgements: readonly Judgement[], score = 0.9999): number[] =>
  judgements.flatMap((each, row) => (each.score >= score ? [row] : []))

describe('the score is a probability', () => {
  test.each(Object.keys(noises))('of ordinary values a share p scores above 1 - p: noise %s', (kind) => {
    const scores = [1, 2, 3, 4, 5].flatMap((seed) => {
      const noise = noises[kind]?.(seed) ?? (() => 0)
      return judged(20_000, () => 100 + 5 * noise()).slice(1_000)
    })
    for (const [p, factor] of [
      [0.3, 1.2],
      [0.1, 1.4],
      [0.01, 1.5],
      [0.001, 2],
    ] as const) {
      const share = alarms(scores, 1 - p).length / scores.length
      expect(share / p).toBeLessThan(factor)
      expect(share / p).toBeGreaterThan(1 / factor)
    }
  })

  test('the band holds 98 of 100 values', () => {
    const normal = normalSource(3)
    const values = Array.from({ length: 20_000 }, () => 50 + normal())
    const outside = judged(values.length, (row) => values[row] ?? 0)
      .slice(1_000)
      .filter(({ low, high }, row) => (values[row + 1_000] ?? 0) < low || (values[row + 1_000] ?? 0) > high)
    expect(outside.length / 19_000).toBeGreaterThan(0.013)
    expect(outside.length / 19_000).toBeLessThan(0.03)
  })
})

describe('what it finds', () => {
  const daily = (row: number) => 100 + 30 * Math.sin((2 * Math.PI * row) / 288)

  test('a spike, and explains it', () => {
    const normal = normalSource(1)
    const judgements = judged(3_000, (row) => 100 + normal() + (row === 2_500 ? 20 : 0))
    expect(alarms(judgements)).toContain(2_500)
    const { expected, low, high, oneIn } = judgements[2_500] ?? { expected: 0, low: 0, high: 0, oneIn: 0 }
    expect(expected).toBeGreaterThan(98)
    expect(expected).toBeLessThan(102)
    expect(low).toBeLessThan(expected)
    expect(high).toBeGreaterThan(expected)
    expect(high).toBeLessThan(110)
    expect(oneIn).toBeGreaterThan(2_000)
  })

  test('a lasting change once, not at each of its values, and takes it for normal in time', () => {
    const normal = normalSource(2)
    const judgements = judged(9_000, (row) => 100 + normal() + (row >= 3_000 ? 15 : 0))
    const found = alarms(judgements, 0.999).filter((row) => row >= 3_000)
    expect(found[0]).toBe(3_000)
    expect(found.filter((row) => row < 3_300).length).toBeLessThan(10)
    expect(judgements[8_999]?.expected).toBeGreaterThan(113)
    expect(found.filter((row) => row > 5_000).length).toBeLessThan(8)
  })

  test('a value that is ordinary, but not at this time of day', () => {
    const normal = normalSource(3)
    const strange = 20 * 288 + 72
    const judgements = judged(strange + 1, (row) => (row === strange ? 70 : daily(row) + normal()))
    expect(judgements[strange]?.score).toBeGreaterThan(0.9999)
    expect(judgements[strange]?.expected).toBeGreaterThan(120)
  })

  test('a day without its season', () => {
    const normal = normalSource(4)
    const day = 20
    const judgements = judged(22 * 288, (row) => (Math.floor(row / 288) === day ? 100 : daily(row)) + normal())
    const found = alarms(judgements, 0.999).filter((row) => row >= 10 * 288)
    expect(found.filter((row) => Math.floor(row / 288) === day).length).toBeGreaterThan(0)
    expect(found.filter((row) => row < day * 288).length).toBeLessThan(6)
  })

  test('a week without its weekend: the week is found, not told', () => {
    const normal = normalSource(5)
    const isWeekend = (row: number) => Math.floor(row / 24) % 7 >= 5
    const strange = 8 * 168 + 5 * 24 + 12
    const judgements = judged(
      strange + 1,
      (row) => 100 + normal() + (isWeekend(row) && row !== strange ? -40 : 0),
      createAnomalyDetector(),
      (row) => row * 60 * minuteMs,
    )
    expect(judgements[strange]?.score).toBeGreaterThan(0.999)
    expect(judgements[strange - 1]?.expected).toBeLessThan(75)
  })

  test('noise that grows', () => {
    const normal = normalSource(6)
    const judgements = judged(4_000, (row) => 100 + normal() * (row >= 3_000 ? 4 : 1))
    expect(alarms(judgements, 0.999).filter((row) => row >= 3_000 && row < 3_050).length).toBeGreaterThan(0)
  })

  test('the second of two spikes: the first teaches little', () => {
    const normal = normalSource(7)
    const judgements = judged(6_000, (row) => 100 + normal() + (row === 2_000 || row === 5_000 ? 25 : 0))
    expect(alarms(judgements, 0.999)).toEqual(expect.arrayContaining([2_000, 5_000]))
  })
})

describe('odd series', () => {
  test('a constant one has no anomaly, its first change is one', () => {
    const judgements = judged(1_000, (row) => (row === 900 ? 6 : 5))
    expect(alarms(judgements.slice(0, 900), 0.99)).toEqual([])
    expect(judgements[900]?.score).toBeGreaterThan(0.999)
  })

  test('stamps that are irregular, repeat, go back or leap', () => {
    const normal = normalSource(8)
    const stamps = (row: number) =>
      row % 100 === 7
        ? 0
        : row % 250 === 9
          ? 4e15
          : row % 13 === 1
            ? (row - 1) * minuteMs
            : row * minuteMs + (row % 7) * 9_000
    const judgements = judged(
      5_000,
      (row) => 100 + normal() + (row === 4_000 ? 30 : 0),
      createAnomalyDetector(),
      stamps,
    )
    expect(alarms(judgements)).toContain(4_000)
    expect(alarms(judgements).length).toBeLessThan(6)
    for (const { score, expected, low, high } of judgements)
      expect([score, expected, low, high].every(Number.isFinite)).toBe(true)
  })

  test('after a pause of days the last values no longer count, the season does', () => {
    const normal = normalSource(9)
    const pauseAt = 20 * 288
    const at = (row: number) => (row < pauseAt ? row : row + 3 * 288 + 144) * 5 * minuteMs
    const daily = (row: number) => 100 + 30 * Math.sin((2 * Math.PI * at(row)) / dayMs)
    // The last hour before the pause is much too high.
    const value = (row: number) => daily(row) + normal() + (row < pauseAt && row >= pauseAt - 12 ? 60 : 0)
    const judgements = judged(pauseAt + 40, value, createAnomalyDetector(), at)
    expect(judgements[pauseAt - 1]?.expected).toBeGreaterThan(daily(pauseAt - 1) + 30)
    expect(Math.abs((judgements[pauseAt]?.expected ?? 0) - daily(pauseAt))).toBeLessThan(8)
    expect(alarms(judgements, 0.999).filter((row) => row >= pauseAt)).toEqual([])
  })

  test.each([1e-12, 1e12, 1e27])('the unit does not matter: %d', (unit) => {
    const normal = normalSource(10)
    const judgements = judged(2_000, (row) => unit * (100 + normal() + (row === 1_500 ? 30 : 0)))
    expect(judgements[1_500]?.score).toBeGreaterThan(0.9999)
    for (const { score, expected, low, high } of judgements)
      expect([score, expected, low, high].every(Number.isFinite)).toBe(true)
  })

  test('the greatest numbers there are', () => {
    const judgements = judged(500, (row) =>
      row % 3 === 0 ? Number.MAX_VALUE : row % 3 === 1 ? -Number.MAX_VALUE : Number.MIN_VALUE,
    )
    for (const { score, expected, low, high } of judgements) {
      expect(score >= 0 && score <= 1).toBe(true)
      expect([expected, low, high].every(Number.isFinite)).toBe(true)
    }
  })

  test.each([NaN, Infinity, -Infinity])('%d is refused, as a value and as a time, and not learnt', (bad) => {
    const detector = createAnomalyDetector()
    expect(() => detector.judge(0, bad)).toThrow(/cannot be judged: give finite numbers/)
    expect(() => detector.judge(bad, 0)).toThrow(RangeError)
    expect(detector.judge(0, 7)).toMatchObject({ score: 0, expected: 7 })
  })
})

test('its memory is bounded: the same after a million values', () => {
  const detector = createAnomalyDetector()
  const { bytes } = detector
  expect(bytes).toBeLessThan(10_000)
  const normal = normalSource(11)
  for (let row = 0; row < 200_000; row += 1) detector.judge(row * minuteMs, normal() * (1 + (row % 10_000)))
  expect(detector.bytes).toBe(bytes)
})

test('two detectors of the same series say the same', () => {
  const values = Array.from({ length: 2_000 }, normalSource(12))
  expect(judged(2_000, (row) => values[row] ?? 0)).toEqual(judged(2_000, (row) => values[row] ?? 0))
})
