import { createForecaster, dayMs, type Forecast, leastScale, settlingValues } from './forecast.ts'
import { createIncident } from './incident.ts'
import { probabilityOf } from './null-distribution.ts'
import { createSeason, within } from './season.ts'
import { createShape } from './shape.ts'
import { createTails } from './tails.ts'

/**
 * What a value is compared by: its distance from the long-term level (`level`), from the forecast (`change`), from what is usual at this time
 * of day or week (`season`), the mean of the latter over the last values (`drift`), how far the forecast was off lately (`spread`), and
 * the last hours as a whole (`shape`).
 */
export const parts = ['level', 'change', 'season', 'drift', 'spread', 'shape'] as const
export type Part = (typeof parts)[number]

/** What a detector says of a value. */
export interface Judgement {
  /**
   * How sure it is that the value is no ordinary one, in [0, 1]: of ordinary values a share of 1 - score has this score or a higher one. While an
   * incident lasts, only what is stranger than its strangest value so far has a high score.
   */
  readonly score: number
  /** The forecast, in the unit of the series. */
  readonly expected: number
  /** The band around it: of ordinary values one in a hundred lies below `low`, one in a hundred above `high`. */
  readonly low: number
  readonly high: number
  /** By what the value stands out most. */
  readonly part: Part
  /** How often the like was seen by that part: one value in so many. */
  readonly oneIn: number
}

/** Judges the values of one series, each by those before it, then learns it. */
export interface AnomalyDetector {
  /**
   * Judges a value, and learns it. `atMs`: its time in milliseconds, since 1970 where days and weeks shall be those of UTC. Stamps may be irregular, repeat
   * or go back. Throws RangeError for a value or a time that is not finite. A value beyond 1e30 counts as 1e30.
   */
  judge(atMs: number, value: number): Judgement
  /** Bytes of its arrays: they never grow. */
  readonly bytes: number
}

/** A value beyond it counts as this one, so that no sum is infinite. */
const mostValue = 1e30
/** Older values fade: a tail remembers some 6,000. */
const memoryValues = 6_000
/** Values before the first score. */
const warmUpValues = 20
const bandProbability = 0.01

const errorValues = 300
const mostErrors = 5
const clipScales = 4
const driftValues = 8
const spreadValues = 40
const seasonSpreadValues = 20
const leastSeasonValues = 6
const leastSeasonSpread = 0.3

const mostScales = 16

/** The clear evidence of a part: what its -ln(probability) is above this, so a probability of 0.05, up to `mostEvidence`. */
const leastEvidence = 3
const mostEvidence = 10

/** What each part counts. The shape sees more than one horizon. */
const weights: Readonly<Record<Part, number>> = { level: 1, change: 1, season: 1, drift: 1, spread: 1, shape: 2 }

/** Options of an experiment. */
export interface DetectorOptions {
  /** The parts that count: for experiments. Default: all. */
  readonly only?: readonly Part[]
}

/**
 * A detector without parameters. Each part of a judgement asks how rare a value like this was in the series so far (tails.ts). Their probabilities
 * are combined by soft thresholding (Zhang, Tong, Landers, Wu: "TFisher: a powerful truncation and weighting procedure for combining p-values", Annals of
 * Applied Statistics, 2020), which lets some clear signs count and many faint ones not. What an incident has told already is taken off
 * (incident.ts), and the rest becomes a probability (null-distribution.ts). Time: constant a value. Memory: constant.
 */
export const createAnomalyDetector = ({ only = parts }: DetectorOptions = {}): AnomalyDetector => {
  const forecaster = createForecaster()
  const tails = createTails(2 * parts.length, memoryValues)
  const shape = createShape()
  const spreads = createSeason(dayMs, 96, seasonSpreadValues)
  const incident = createIncident()
  const counted = Float64Array.from(parts, (part) => (only.includes(part) ? weights[part] : 0))
  const evidence = new Float64Array(parts.length)
  const state = { count: 0, error: 0, deviation: 0, drift: 0, lately: 0 }

  /** Compares a signed magnitude with those before it on its side of zero, and learns it. */
  const compare = (part: number, signed: number) => {
    const below = signed < 0
    const tail = below ? 2 * part + 1 : 2 * part
    const magnitude = Math.abs(signed)
    evidence[part] = state.count > warmUpValues ? -Math.log(tails.probability(tail, magnitude)) : 0
    tails.learn(2 * part, below ? undefined : magnitude, 1)
    tails.learn(2 * part + 1, below ? magnitude : undefined, 1)
  }

  const compareAll = (value: number, { expected, usual, level, spread, stale }: Forecast, leastUnit: number) => {
    const error = (value - expected) / (state.error + leastUnit)
    const deviation = (value - usual) / (state.deviation + leastUnit)
    if (stale) shape.forget()
    if (stale) state.drift = 0
    state.drift += Math.max(1 / driftValues, 1 / state.count) * (within(deviation, clipScales) - state.drift)
    state.lately +=
      Math.max(1 / spreadValues, 1 / state.count) * (within(Math.abs(error), 2 * clipScales) - state.lately)
    compare(0, (value - level) / (spread + leastUnit))
    compare(1, error)
    compare(2, (value - usual) / seasonUnit(leastUnit))
    compare(3, state.drift)
    compare(4, Math.log2(state.lately + 0.01))
    compare(5, shape.distance(within(deviation, mostScales), state.count > settlingValues))
  }

  /** The ordinary distance from the usual at this time of day. */
  const seasonUnit = (leastUnit: number): number => {
    const unit = state.deviation + leastUnit
    return spreads.count() < leastSeasonValues ? unit : Math.max(leastSeasonSpread * unit, spreads.mean())
  }

  const learn = (value: number, { expected, usual }: Forecast, leastUnit: number) => {
    const settling = state.count < settlingValues
    const share = Math.max(1 / state.count, 1 / errorValues)
    const clipped = (distance: number, mean: number) =>
      settling ? distance : Math.min(distance, mostErrors * (mean + leastUnit))
    const deviation = Math.abs(value - usual)
    const clip = clipScales * (state.deviation + leastUnit)
    spreads.learn(clipped(deviation, seasonUnit(leastUnit)), Infinity)
    state.error += share * (clipped(Math.abs(value - expected), state.error) - state.error)
    state.deviation += share * (clipped(deviation, state.deviation) - state.deviation)
    forecaster.learn(value, clip)
  }

  return {
    bytes: forecaster.bytes + tails.bytes + shape.bytes + spreads.bytes + counted.byteLength + evidence.byteLength,
    judge: (atMs, given) => {
      if (!Number.isFinite(given) || !Number.isFinite(atMs))
        throw new RangeError(`the value ${given} at ${atMs} ms cannot be judged: give finite numbers`)
      const value = within(given, mostValue)
      state.count += 1
      if (state.count === 1) {
        forecaster.at(atMs)
        forecaster.learn(value, Infinity)
        return { score: 0, expected: value, low: value, high: value, part: 'level', oneIn: 1 }
      }
      const forecast = forecaster.at(atMs)
      spreads.seek(atMs)
      const { expected } = forecast
      const leastUnit = leastScale(forecast)
      const unit = state.error + leastUnit
      const low = expected - unit * tails.magnitude(3, bandProbability)
      const high = expected + unit * tails.magnitude(2, bandProbability)
      compareAll(value, forecast, leastUnit)
      learn(value, forecast, leastUnit)
      const { whole, clear, most } = sumOf(evidence, counted)
      const score = 1 - probabilityOf(incident.beyond(clear), whole)
      return { score, expected, low, high, part: parts[most] ?? 'level', oneIn: Math.exp(evidence[most] ?? 0) }
    },
  }
}

/** All evidence, the clear evidence, and which part has most. `counted`: what each part counts. */
const sumOf = (evidence: Float64Array, counted: Float64Array) => {
  let whole = 0
  let clear = 0
  let most = 0
  for (let part = 0; part < evidence.length; part += 1) {
    const own = evidence[part] ?? 0
    if (own > (evidence[most] ?? 0)) most = part
    whole += (counted[part] ?? 0) * own
    clear += (counted[part] ?? 0) * within(Math.max(0, own - leastEvidence), mostEvidence - leastEvidence)
  }
  return { whole, clear, most }
}
