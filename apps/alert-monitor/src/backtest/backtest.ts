import type { Notice } from '../events.ts'
import type { Rule } from '../rules/rules.ts'
import { createSimulation } from '../rules/simulation.ts'
import type { History } from './history.ts'

export interface BacktestOptions {
  readonly rules: readonly Rule[]
  readonly history: History
  /** How often the rules are evaluated, in milliseconds of the history. Default: as often as values come, from 1 s to 60 s. */
  readonly everyMs?: number | undefined
  /** An alert that fires again so soon after it was resolved flaps. */
  readonly flapWithinMs: number
  /** Where the history ends. Default: with its last point. */
  readonly toMs?: number | undefined
}

/** One time that an alert fired. */
export interface Firing {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly summary: string
  /** When the condition began to hold. */
  readonly startsAtMs: number
  readonly firedAtMs: number
  /** Undefined where it fires at the end. */
  readonly resolvedAtMs: number | undefined
  readonly isFlap: boolean
}

/** What a rule would have told. */
export interface RuleResult {
  readonly name: string
  readonly firings: number
  readonly flaps: number
  /** From the begin of the condition to the notice, mean and longest; undefined without a firing. */
  readonly meanDelayMs: number | undefined
  readonly maxDelayMs: number | undefined
  readonly firingMs: number
}

export interface BacktestResult {
  readonly rules: readonly RuleResult[]
  /** In order of time. */
  readonly firings: readonly Firing[]
  /** Points that were not judged, by reason. */
  readonly unjudged: Readonly<Record<string, number>>
  readonly everyMs: number
}

/** Lets the rules judge the past, as fast as they can. */
export const backtest = ({ rules, history, flapWithinMs, ...options }: BacktestOptions): BacktestResult => {
  const everyMs = options.everyMs ?? Math.min(60_000, Math.max(1_000, history.stepMs ?? 1_000))
  const { firings, onNotice } = recordFirings(flapWithinMs)
  const startMs = Math.floor((history.firstMs ?? 0) / everyMs) * everyMs - everyMs
  const simulation = createSimulation({ rules, startMs, everyMs, onNotice })
  const unjudged: Record<string, number> = {}
  for (const { atMs, sample } of history.samples()) {
    const outcome = simulation.observe(sample, atMs)
    if (outcome !== 'evaluated') unjudged[outcome] = (unjudged[outcome] ?? 0) + 1
  }
  const endMs = options.toMs ?? history.lastMs ?? startMs
  simulation.advanceTo(endMs)
  return { rules: rules.map(({ name }) => resultOf(name, firings, endMs)), firings, unjudged, everyMs }
}

type Open = { -readonly [Key in keyof Firing]: Firing[Key] }

const recordFirings = (flapWithinMs: number) => {
  const firings: Open[] = []
  const latest = new Map<string, Open>()
  const onNotice = (notice: Notice, atMs: number) => {
    const { name, labels, summary, fingerprint, status, startsAt } = notice
    const before = latest.get(fingerprint)
    if (status === 'resolved') {
      if (before !== undefined) before.resolvedAtMs = atMs
      return
    }
    const endedMs = before?.resolvedAtMs
    const isFlap = endedMs !== undefined && atMs - endedMs <= flapWithinMs
    const startsAtMs = Date.parse(startsAt)
    const firing = { name, labels, summary, startsAtMs, firedAtMs: atMs, resolvedAtMs: undefined, isFlap }
    firings.push(firing)
    latest.set(fingerprint, firing)
  }
  return { firings, onNotice }
}

const resultOf = (name: string, all: readonly Firing[], endMs: number): RuleResult => {
  const firings = all.filter((firing) => firing.name === name)
  const delays = firings.map(({ startsAtMs, firedAtMs }) => firedAtMs - startsAtMs)
  const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0)
  return {
    name,
    firings: firings.length,
    flaps: firings.filter(({ isFlap }) => isFlap).length,
    meanDelayMs: delays.length === 0 ? undefined : sum(delays) / delays.length,
    maxDelayMs: delays.length === 0 ? undefined : Math.max(...delays),
    firingMs: sum(firings.map(({ firedAtMs, resolvedAtMs = endMs }) => Math.max(0, resolvedAtMs - firedAtMs))),
  }
}
