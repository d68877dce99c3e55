import { describe, expect, test } from 'vitest'
import { normal, randomSource } from '../../test/seeded.ts'
import { createDetector, type DetectorOptions } from './median.ts'

const options: DetectorOptions = { minDeviation: 250, score: 8, direction: 'up', warmUpSamples: 64, ringSamples: 256 }

/** Search times in ms: 1 to 5 mostly; one in a hundred held up by a garbage collection of 20 to 60 ms. */
const searchTimes = (seed: number, count: number): number[] => {
  const random = randomSource(seed)
  return Array.from({ length: count }, () => {
    const base = 2.5 * Math.exp(0.35 * normal(random))
    return random() < 0.01 ? base + 20 + 40 * random() : base
  })
}

const alarms = (values: readonly number[], changed: Partial<DetectorOptions> = {}): number[] => {
  const detect = createDetector({ ...options, ...changed })
  return values.flatMap((value, index) => (detect(value).anomalous ? [index] : []))
}

const withValue = (values: number[], index: number, value: number) => values.toSpliced(index, 0, value)

describe('what must be found', () => {
  test.each([64, 100, 2_000, 4_999])('one search of 2,000 ms among 5,000 ordinary ones, as number %d', (index) => {
    for (let seed = 1; seed <= 20; seed += 1)
      expect(alarms(withValue(searchTimes(seed, 5_000), index, 2_000))).toEqual([index])
  })

  test('every one of 100 stalled searches in a row: outliers do not hide one another', () => {
    const values = searchTimes(5, 1_000).toSpliced(500, 0, ...Array.from({ length: 100 }, () => 2_003))
    expect(alarms(values)).toEqual(Array.from({ length: 100 }, (_, index) => 500 + index))
  })

  test('a fall, when told to look down', () => {
    const values = withValue(
      Array.from({ length: 300 }, (_, index) => 1_000 + (index % 10)),
      200,
      2,
    )
    expect(alarms(values, { direction: 'down' })).toEqual([200])
    expect(alarms(values, { direction: 'both' })).toEqual([200])
    expect(alarms(values, { direction: 'up' })).toEqual([])
  })

  test('a departure from a constant series, by minDeviation alone', () => {
    const values = withValue(
      Array.from({ length: 300 }, () => 5),
      200,
      255,
    )
    expect(alarms(values)).toEqual([200])
    expect(alarms(withValue(values, 250, 254.9))).toEqual([200])
  })
})

describe('what must not be', () => {
  test('ordinary jitter: no alarm in 100,000 samples, whatever the seed', () => {
    for (const seed of [1, 2, 3, 4, 5]) expect(alarms(searchTimes(seed, 100_000))).toEqual([])
  })

  test('a garbage collection that holds up every search of a moment', () => {
    const values = searchTimes(9, 2_000).map((value, index) => (index % 400 < 30 ? value + 60 : value))
    expect(alarms(values)).toEqual([])
  })

  test('an outlier in a series that has always been wild', () => {
    const random = randomSource(3)
    const values = Array.from({ length: 5_000 }, () => 500 * Math.exp(1.2 * normal(random)))
    expect(alarms(withValue(values, 3_000, 2_000))).not.toContain(3_000)
  })

  test('anything during the warm-up', () => {
    expect(alarms(withValue(searchTimes(1, 500), 63, 2_000))).toEqual([])
    expect(alarms(withValue(searchTimes(1, 500), 0, 2_000))).toEqual([])
  })

  test('a new level, once it has filled half of the ring', () => {
    const values = [...searchTimes(1, 1_000), ...Array.from({ length: 1_000 }, (_, index) => 900 + (index % 7))]
    const found = alarms(values)
    expect(found[0]).toBe(1_000)
    expect(found.length).toBeLessThanOrEqual(options.ringSamples / 2)
  })
})

test('the score guards alone where minDeviation is small: measured false alarms stay under the rate of the held-up searches', () => {
  const found = alarms(searchTimes(1, 100_000), { minDeviation: 1 })
  expect(found.length).toBeGreaterThan(100)
  expect(found.length).toBeLessThan(1_100)
})

test('the verdict names the median and the limit that was passed', () => {
  const detect = createDetector(options)
  for (let index = 0; index < 100; index += 1) detect(3)
  expect(detect(2_000)).toEqual({ anomalous: true, median: 3, threshold: 253 })
  expect(detect(4)).toEqual({ anomalous: false, median: 3, threshold: 253 })
})
