import type { Judgement } from '@armature/anomaly/detector'
import { expressionOf } from './expression.ts'
import type { Rule } from './rules.ts'

/** What a summary may tell of an alert. */
export interface SummaryFacts {
  readonly rule: Rule
  readonly metric: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
  readonly threshold: number
  readonly explanation?: Judgement
}

/** Fields that are empty but in an alert of the detector without parameters. */
const explanationFields = ['expected', 'low', 'high', 'score', 'part', 'oneIn'] as const

/** The names of the fields that a summary may hold in braces, apart from `labels.NAME`. */
export const summaryFields = ['value', 'threshold', 'metric', 'name', 'severity', ...explanationFields] as const

const fieldForm = new RegExp(`\\{(${summaryFields.join('|')}|labels\\.([^{}]{1,64}))\\}`, 'g')

/** The sentence of an alert, by the rule's `summary`. A label that the alert lacks is the empty text. Other braces stay as they are. */
export const summaryOf = ({ rule, metric, labels, value, threshold, explanation }: SummaryFacts): string => {
  const { name, severity } = rule
  const facts: Readonly<Record<string, string>> = {
    value: rounded(value),
    threshold: rounded(threshold),
    metric,
    name,
    severity,
    ...(explanation === undefined ? {} : explained(explanation)),
  }
  const told =
    explanation === undefined
      ? 'the limit {threshold}'
      : 'expected {expected} ({low} to {high}); a {part} like this is seen once in {oneIn} values'
  const text = rule.summary ?? `${expressionOf(rule)}: {metric} is {value}, ${told}`
  return text.replaceAll(fieldForm, (_, field: string, label: string | undefined) =>
    label === undefined ? (facts[field] ?? '') : Object.hasOwn(labels, label) ? (labels[label] ?? '') : '',
  )
}

const explained = ({ expected, low, high, score, part, oneIn }: Judgement): Readonly<Record<string, string>> => ({
  expected: rounded(expected),
  low: rounded(low),
  high: rounded(high),
  score: String(score),
  part,
  oneIn: String(Math.round(oneIn)),
})

/** Words in braces that look like fields and are none. */
export const unknownFields = (summary: string): readonly string[] =>
  [...summary.matchAll(/\{([A-Za-z][\w.-]*)\}/g)]
    .map(([, field = '']) => field)
    .filter((field) => !field.startsWith('labels.') && !(summaryFields as readonly string[]).includes(field))

const rounded = (value: number): string => String(Number(value.toPrecision(4)))
