import { expressionOf } from './expression.ts'
import type { Rule } from './rules.ts'

/** What a summary may tell of an alert. */
export interface SummaryFacts {
  readonly rule: Rule
  readonly metric: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
  readonly threshold: number
}

const fieldForm = /\{(value|threshold|metric|name|severity|labels\.([^{}]{1,64}))\}/g

/** The names of the fields that a summary may hold in braces, apart from `labels.NAME`. */
export const summaryFields = ['value', 'threshold', 'metric', 'name', 'severity'] as const

/** The sentence of an alert, by the rule's `summary`. A label that the alert lacks is the empty text. Other braces stay as they are. */
export const summaryOf = ({ rule, metric, labels, value, threshold }: SummaryFacts): string => {
  const { name, severity } = rule
  const facts: Readonly<Record<string, string>> = {
    value: rounded(value),
    threshold: rounded(threshold),
    metric,
    name,
    severity,
  }
  const text = rule.summary ?? `${expressionOf(rule)}: {metric} is {value}, the limit {threshold}`
  return text.replaceAll(fieldForm, (_, field: string, label: string | undefined) =>
    label === undefined ? (facts[field] ?? '') : Object.hasOwn(labels, label) ? (labels[label] ?? '') : '',
  )
}

/** Words in braces that look like fields and are none. */
export const unknownFields = (summary: string): readonly string[] =>
  [...summary.matchAll(/\{([A-Za-z][\w.-]*)\}/g)]
    .map(([, field = '']) => field)
    .filter((field) => !field.startsWith('labels.') && !(summaryFields as readonly string[]).includes(field))

const rounded = (value: number): string => String(Number(value.toPrecision(4)))
