import { parseArgs } from 'node:util'
import { createAnomalyDetector, type DetectorOptions, parts } from '@armature/anomaly/detector'
import { nabOf } from './anomaly-nab.ts'
import { movingMedian, type Surprise, windowedGaussian } from './anomaly-peers.ts'
import { type Kind, kinds, learningRows, seriesOf } from './anomaly-series.ts'

/** Series of each kind, and series without a fault that the thresholds are made of. */
const seriesPerKind = 15
const cleanSeries = 10
/** Incidents in the two weeks that count of each clean series: the threshold of each contender is the lowest that has no more. */
const falseIncidents = 0.3
const incidentRows = 288

const armature = (options?: DetectorOptions) => (): Surprise => {
  const detector = createAnomalyDetector(options)
  // A score near 1 has few digits left: its distance from 1 has more.
  return (atMs, value) => -Math.log(1 - detector.judge(atMs, value).score)
}

const contenders: Readonly<Record<string, () => Surprise>> = {
  'libs/anomaly': armature(),
  'windowed Gaussian (6,400)': windowedGaussian,
  'moving median (256)': movingMedian,
}

/** Tables of what the detector finds in series with known faults, how true its probabilities are, and how fast it is; of NAB's series with `--nab=FOLDER`. */
export const anomaly = async (): Promise<string> => {
  const { values } = parseArgs({ strict: false, allowPositionals: true, options: { nab: { type: 'string' } } })
  const folder = values['nab']
  const nab = typeof folder === 'string' ? await nabTables(folder) : ['NAB: give its folder by --nab=FOLDER', '']
  return [...syntheticTable(), ...speedTable(), ...nab].join('\n')
}

const surprises = (create: () => Surprise, points: readonly { atMs: number; value: number }[]): number[] => {
  const surprise = create()
  return points.map(({ atMs, value }) => surprise(atMs, value))
}

/** Alarms with less than a day between them are one incident. */
const incidentsOf = (alarms: readonly number[]): number =>
  alarms.filter((row, index) => index === 0 || row - (alarms[index - 1] ?? 0) > incidentRows).length

const alarmsOf = (values: readonly number[], threshold: number): number[] =>
  values.flatMap((each, row) => (each > threshold && row >= learningRows ? [row] : []))

const thresholdOf = (create: () => Surprise): number => {
  const clean = Array.from({ length: cleanSeries }, (_, index) => surprises(create, seriesOf(1_000 + index).points))
  const sorted = clean.flatMap((values) => values.slice(learningRows)).toSorted((a, b) => b - a)
  const incidentsAt = (threshold: number) =>
    clean.reduce((sum, values) => sum + incidentsOf(alarmsOf(values, threshold)), 0)
  let index = 0
  while (index + 1 < sorted.length && incidentsAt(sorted[index + 1] ?? 0) <= falseIncidents * cleanSeries) index += 1
  return sorted[index] ?? Infinity
}

interface Found {
  readonly found: boolean
  readonly delayRows: number
  /** Incidents outside the fault. */
  readonly wrong: number
}

const search = (create: () => Surprise, threshold: number, seed: number, kind: Kind): Found => {
  const { points, start, end } = seriesOf(seed, kind)
  const alarms = alarmsOf(surprises(create, points), threshold)
  const first = alarms.find((row) => row >= start && row < end)
  // What follows a fault within a day is its end.
  const wrong = incidentsOf(alarms.filter((row) => row < start || row >= end + incidentRows))
  return { found: first !== undefined, delayRows: (first ?? start) - start, wrong }
}

const syntheticTable = (): string[] => {
  const rows = Object.entries(contenders).flatMap(([name, create]) => {
    const threshold = thresholdOf(create)
    return (Object.keys(kinds) as Kind[]).map((kind) => {
      const runs = Array.from({ length: seriesPerKind }, (_, index) => search(create, threshold, index + 1, kind))
      const hits = runs.filter(({ found }) => found)
      const wrong = runs.reduce((sum, run) => sum + run.wrong, 0)
      const delays = hits.map(({ delayRows }) => delayRows).toSorted((a, b) => a - b)
      const delay = delays[Math.floor(delays.length / 2)]
      const precision = hits.length + wrong === 0 ? '' : (hits.length / (hits.length + wrong)).toFixed(2)
      return `| ${name} | ${kind} | ${precision} | ${(hits.length / runs.length).toFixed(2)} | ${delay === undefined ? '' : delay * 5} |`
    })
  })
  return [
    `### Series with known faults, seeds 1 to ${seriesPerKind}`,
    '',
    `All have the threshold with which clean series have ${falseIncidents} incidents in two weeks.`,
    '',
    '| | fault | precision | recall | minutes to the first alarm: median |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
    '',
  ]
}

const speedRounds = 7

const speedTable = (): string[] => {
  const { points } = seriesOf(1)
  const rates = Array.from({ length: speedRounds }, () => {
    const startMs = performance.now()
    for (let series = 0; series < 10; series += 1) {
      const detector = createAnomalyDetector()
      for (const { atMs, value } of points) detector.judge(atMs, value)
    }
    return (10 * points.length) / (performance.now() - startMs)
  }).toSorted((a, b) => a - b)
  const shown = [rates[Math.floor(speedRounds / 2)], rates[0], rates.at(-1)].map((rate) => (rate ?? 0).toFixed(0))
  return [
    `Thousand values a second on one core: ${shown[0]} (${shown[1]} to ${shown[2]}). Bytes of a series: ${createAnomalyDetector().bytes}.`,
    '',
  ]
}

const nabTables = async (folder: string): Promise<string[]> => {
  const { scores } = await nabOf(folder)
  const entries = [
    ...Object.entries(contenders),
    ...parts.map((part) => [`without ${part}`, armature({ only: parts.filter((each) => each !== part) })] as const),
  ]
  const rows: string[] = []
  for (const [name, create] of entries) {
    const { standard, low_fp, low_fn } = await scores(create)
    rows.push(`| ${name} | ${standard} | ${low_fp} | ${low_fn} |`)
  }
  return [
    '### NAB',
    '',
    '| | standard | low false positives | low false negatives |',
    '| --- | --- | --- | --- |',
    ...rows,
    '',
  ]
}
