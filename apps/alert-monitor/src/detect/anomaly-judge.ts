import { createAnomalyDetector, type Judgement } from '@armature/anomaly/detector'
import { createDetector, type DetectorOptions } from './median.ts'

/** What an anomaly rule says of a value that breaks it. */
export interface Anomaly {
  readonly active: true
  readonly value: number
  /** The limit that the value is beyond: an end of the band, or what the median and `minDeviation` allow. */
  readonly threshold: number
  /** Only without `minDeviation`: what was expected, and how often the like was seen. */
  readonly explanation?: Judgement
}

/** Judges a value of one series. `atMs` are steady milliseconds. */
export type AnomalyJudge = (value: number, atMs: number) => Anomaly | undefined

export interface AnomalyOptions extends Omit<DetectorOptions, 'minDeviation'> {
  readonly minDeviation?: number | undefined
  readonly minScore: number
}

/** By the median and `minDeviation` where it is given, else by the detector of libs/anomaly, which fires from `minScore` on. */
export const createAnomalyJudge = ({ minDeviation, ...options }: AnomalyOptions): AnomalyJudge =>
  minDeviation === undefined ? learningJudge(options) : medianJudge({ ...options, minDeviation })

const learningJudge = ({ minScore, direction }: Omit<AnomalyOptions, 'minDeviation'>): AnomalyJudge => {
  const detector = createAnomalyDetector()
  return (value, atMs) => {
    const explanation = detector.judge(atMs, value)
    const isUp = value >= explanation.expected
    const wrongWay = direction !== 'both' && isUp !== (direction === 'up')
    if (explanation.score < minScore || wrongWay) return undefined
    return { active: true, value, threshold: isUp ? explanation.high : explanation.low, explanation }
  }
}

const medianJudge = (options: DetectorOptions): AnomalyJudge => {
  const detect = createDetector(options)
  return (value) => {
    const { anomalous, threshold } = detect(value)
    return anomalous && threshold !== undefined ? { active: true, value, threshold } : undefined
  }
}
