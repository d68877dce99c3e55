import { durationText } from '@armature/config/duration'
import type { Sample } from '../collect/sample.ts'
import type { Notice } from '../events.ts'
import type { ExpectedAlert, RuleTest } from './rule-test-form.ts'
import type { Rule } from './rules.ts'
import { createSimulation } from './simulation.ts'

/** Runs one case of a rules file on a clock of its own. Returns what is not as expected, a line each; none where it passed. */
export const runRuleTest = (rules: readonly Rule[], { series, expect }: RuleTest): readonly string[] => {
  const simulation = createSimulation({ rules, startMs: 0 })
  const samples = series.flatMap(samplesOf).sort((one, other) => one.atMs - other.atMs)
  const found: string[] = []
  let next = 0
  for (const { at, firing } of expect.toSorted((one, other) => one.at - other.at)) {
    for (let due = samples[next]; due !== undefined && due.atMs <= at; due = samples[(next += 1)])
      simulation.observe(due.sample, due.atMs)
    simulation.advanceTo(at)
    found.push(...differences(firing, simulation.firing()).map((text) => `at ${durationText(at)}: ${text}`))
  }
  return found
}

interface TimedSample {
  readonly atMs: number
  readonly sample: Sample
}

const samplesOf = ({ metric, type, tags, start, every, values }: RuleTest['series'][number]): TimedSample[] =>
  values.flatMap((value, place) => {
    if (value === undefined) return []
    const sample = { name: metric, type, value, weight: 1, relative: false, tags }
    return [
      { atMs: start + place * every, sample: type === 'set' ? { ...sample, value: 1, member: String(value) } : sample },
    ]
  })

const differences = (expected: readonly ExpectedAlert[], firing: readonly Notice[]): string[] => {
  const left = [...firing]
  const missing = expected.filter((alert) => {
    const place = left.findIndex((notice) => fits(alert, notice))
    if (place !== -1) left.splice(place, 1)
    return place === -1
  })
  return [
    ...missing.map((alert) => `${JSON.stringify(alert)} does not fire`),
    ...left.map(
      ({ name, severity, labels, value, summary }) =>
        `${JSON.stringify({ name, severity, labels, value, summary })} fires`,
    ),
  ]
}

const fits = ({ labels = {}, ...alert }: ExpectedAlert, notice: Notice): boolean =>
  Object.entries(labels).every(
    ([name, value]) => Object.hasOwn(notice.labels, name) && notice.labels[name] === value,
  ) && Object.entries(alert).every(([key, value]) => value === undefined || notice[key as keyof typeof alert] === value)
