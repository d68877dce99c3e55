import { createSeason, within } from './season.ts'

export const dayMs = 86_400_000

/** Values before errors are clipped: until then nothing is known of their size. */
export const settlingValues = 50

/** Where a forecaster has its error and its forecast. Those from `slow` to `weekly` know nothing of the last values. */
const last = 0
const fast = 1
const medium = 2
const slow = 3
const daily = 4
const weekly = 5
const dailyNow = 6
const weeklyNow = 7
const forecasters = 8

/** A season must be better by this factor than what it replaces. */
const betterBy = 0.98
const slowDays = 3
const seasonValues = 10
const mostErrors = 5
const errorValues = 200
const spreadValues = 2_000
/** A pause of so many steps makes what was learnt of the last values stale. */
const staleSteps = 64

/** What is known of the next value. */
export interface Forecast {
  /** By the last values and the season. */
  readonly expected: number
  /** By the long-term level and the season alone: what a slow drift does not move. */
  readonly usual: number
  readonly level: number
  /** The mean distance of the values from the level. */
  readonly spread: number
  readonly last: number
  /** Whether the pause before this value was so long that the last values say nothing. */
  readonly stale: boolean
}

/** Forecasts a series one value ahead. */
export interface Forecaster {
  /** The forecast for this time. The object is the same at each call. */
  at(atMs: number): Forecast
  /** Learns the value of that time. `usualClip`: the distance from the usual beyond which a value counts as one at that distance. */
  learn(value: number, usualClip: number): void
  readonly bytes: number
}

/**
 * Forecasts by a level, by the season of the day and by that of the week, which it finds by itself: eight forecasters run side by side, and
 * their mean is weighted by the inverse of their recent errors (Bates and Granger: "The combination of forecasts", Operational Research Quarterly,
 * 1969). All learn with clipped errors, so that outliers hardly move them, while a lasting change does (Gelper, Fried, Croux: "Robust forecasting
 * with exponential and Holt-Winters smoothing", Journal of Forecasting, 2010). A season's bin is a part of the day or the week, so stamps may be irregular.
 */
export const createForecaster = (): Forecaster => {
  const days = createSeason(dayMs, 96, seasonValues)
  const weeks = createSeason(7 * dayMs, 336, seasonValues)
  const forecasts = new Float64Array(forecasters)
  const errors = new Float64Array(forecasters)
  const forecast = { expected: 0, usual: 0, level: 0, spread: 0, last: 0, stale: false }
  const state = { count: 0, atMs: 0, stepMs: 0, fast: 0, medium: 0, dailyOff: 0, weeklyOff: 0 }

  const keepTime = (atMs: number) => {
    const passedMs = atMs - state.atMs
    state.atMs = atMs
    forecast.stale = state.stepMs > 0 && (passedMs > staleSteps * state.stepMs || passedMs < -staleSteps * state.stepMs)
    if (passedMs <= 0 || state.count === 0) return
    if (state.stepMs === 0) state.stepMs = passedMs
    else state.stepMs *= passedMs > state.stepMs ? 1.02 : 0.98
  }

  const forget = () => {
    state.dailyOff = 0
    state.weeklyOff = 0
    state.fast = forecast.usual
    state.medium = forecast.usual
    forecast.last = forecast.usual
  }

  const chooseUsual = () => {
    let best = slow
    for (let each = daily; each <= weekly; each += 1)
      if ((errors[each] ?? 0) < (errors[best] ?? 0) * betterBy) best = each
    forecast.usual = forecasts[best] ?? 0
  }

  return {
    at: (atMs) => {
      keepTime(atMs)
      days.seek(atMs)
      weeks.seek(atMs)
      forecasts[slow] = forecast.level
      forecasts[daily] = forecast.level + days.mean()
      forecasts[weekly] = weeks.count() > 0 ? forecast.level + weeks.mean() : (forecasts[daily] ?? 0)
      chooseUsual()
      if (forecast.stale) forget()
      forecasts[last] = forecast.last
      forecasts[fast] = state.fast
      forecasts[medium] = state.medium
      forecasts[dailyNow] = (forecasts[daily] ?? 0) + state.dailyOff
      forecasts[weeklyNow] = (forecasts[weekly] ?? 0) + state.weeklyOff
      forecast.expected = weightedMean(forecasts, errors)
      return forecast
    },
    learn: (value, usualClip) => {
      state.count += 1
      const { count } = state
      if (count === 1) {
        forecast.level = value
        forecast.last = value
        state.fast = value
        state.medium = value
        return
      }
      const settling = count < settlingValues
      const share = (values: number) => Math.max(1 / count, 1 / values)
      for (let each = 0; each < forecasters; each += 1) {
        const error = errors[each] ?? 0
        const newest = Math.abs(value - (forecasts[each] ?? 0))
        errors[each] =
          error + share(errorValues) * (settling ? newest - error : Math.min(newest, clipOf(error, forecast)) - error)
      }
      const { level, spread } = forecast
      const distance = value - level
      forecast.spread +=
        share(spreadValues) *
        ((settling ? Math.abs(distance) : Math.min(Math.abs(distance), clipOf(spread, forecast))) - spread)
      const clip = settling ? Infinity : usualClip
      days.learn(distance, clip)
      weeks.learn(distance, clip)
      state.dailyOff += 0.3 * (value - (forecasts[daily] ?? 0) - state.dailyOff)
      state.weeklyOff += 0.3 * (value - (forecasts[weekly] ?? 0) - state.weeklyOff)
      state.fast += 0.4 * (value - state.fast)
      state.medium += 0.08 * within(value - state.medium, 3 * clip)
      const stepsPerDay = state.stepMs > 0 ? Math.min(2_000, Math.max(24, dayMs / state.stepMs)) : 288
      forecast.level +=
        share(slowDays * stepsPerDay) * within(distance, settling ? Infinity : 3 * (spread + leastScale(forecast)))
      forecast.last = value
    },
    bytes: days.bytes + weeks.bytes + forecasts.byteLength + errors.byteLength,
  }
}

/** The mean of the forecasts, weighted by the fourth power of the inverse of their errors. */
const weightedMean = (forecasts: Float64Array, errors: Float64Array): number => {
  let least = Infinity
  for (let each = 0; each < forecasters; each += 1) least = Math.min(least, errors[each] ?? 0)
  let sum = 0
  let weights = 0
  for (let each = 0; each < forecasters; each += 1) {
    const error = errors[each] ?? 0
    const ratio = error === 0 ? 1 : least / error
    const weight = ratio * ratio * ratio * ratio
    sum += weight * (forecasts[each] ?? 0)
    weights += weight
  }
  return sum / weights
}

const clipOf = (error: number, forecast: Forecast): number => mostErrors * error + leastScale(forecast)

/** The least distance that counts as one, so that a constant series has a scale too. */
export const leastScale = ({ level, spread }: Pick<Forecast, 'level' | 'spread'>): number =>
  1e-6 * Math.abs(level) + 1e-3 * spread + 1e-30
