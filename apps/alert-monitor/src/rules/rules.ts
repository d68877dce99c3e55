import { duration } from '@armature/config/duration'
import * as z from 'zod'
import { statNames } from './window.ts'

const maxRules = 200
const dayMs = 86_400_000
const monthMs = 30 * dayMs

const comparison = z.enum(['>', '>=', '<', '<='])
export type Comparison = z.infer<typeof comparison>

const finite = () => z.number().min(-1e15).max(1e15)
const millis = (min: number, max = dayMs) => z.number().int().min(min).max(max)
const pattern = () =>
  z.string().regex(/^[^\s|@#]{1,256}$/, 'use a metric name of 1 to 256 characters, without white space or | @ #')
const tagName = () => z.string().min(1).max(64)
const where = () =>
  z
    .record(tagName(), z.string().max(256))
    .default({})
    .meta({ description: 'Only series whose tags fit these patterns; * stands for any characters' })

const shared = {
  name: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/, 'use 1 to 64 letters, digits, - and _: the alert is published to alerts.<name>')
    .meta({ description: 'The name of the alert, and of its topic alerts.<name>' }),
  metric: pattern().meta({ description: 'The metrics it judges, each series by itself; * stands for any characters' }),
  where: where(),
  severity: z.enum(['info', 'warning', 'critical']).default('warning'),
  labels: z
    .record(tagName(), z.string().max(256))
    .default({})
    .meta({ description: 'Added to the labels of each alert' }),
  keepFiringFor: duration({ max: dayMs })
    .optional()
    .meta({ description: 'How long after the condition last held the alert is resolved' }),
  keepFiringForMs: millis(0).optional().meta({ description: 'The same in milliseconds' }),
  summary: z.string().min(1).max(500).optional().meta({
    description:
      'One sentence for people. {value}, {threshold}, {metric}, {name}, {severity} and {labels.NAME} are filled in',
  }),
}

const windowed = {
  window: duration({ min: 1_000, max: dayMs })
    .optional()
    .meta({ description: 'The time that is looked at, default 1m' }),
  windowMs: millis(1_000).optional().meta({ description: 'The same in milliseconds' }),
}

const held = {
  for: duration({ max: dayMs }).optional().meta({ description: 'How long the condition must hold without a break' }),
  forMs: millis(0).optional().meta({ description: 'The same in milliseconds' }),
}

const compared = {
  op: comparison,
  value: finite(),
  clear: finite().optional().meta({
    description:
      'Hysteresis: once `value` is passed, the condition holds until this is no longer passed. Default: `value`',
  }),
}

/** A time has two names, of which a rule gives one: a text for people, and milliseconds. */
const timeNames = { for: 'forMs', window: 'windowMs', keepFiringFor: 'keepFiringForMs', in: 'inMs' } as const

const eachTimeOnce = (rule: object, context: z.RefinementCtx): void => {
  for (const [text, ms] of Object.entries(timeNames))
    if (Object.hasOwn(rule, text) && Object.hasOwn(rule, ms))
      context.addIssue({ code: 'custom', path: [ms], message: `says the same as ${text}: give one of them` })
}

const clearFits = (
  rule: { readonly op: Comparison; readonly value: number; readonly clear?: number | undefined },
  context: z.RefinementCtx,
): void => {
  const { op, value, clear = value } = rule
  const isUp = op === '>' || op === '>='
  if (isUp ? clear > value : clear < value)
    context.addIssue({
      code: 'custom',
      path: ['clear'],
      message: `is ${isUp ? 'over' : 'under'} value: the alert would end as it begins`,
    })
}

interface Kept {
  readonly keepFiringFor?: number | undefined
  readonly keepFiringForMs?: number | undefined
}
const keptMs = <R extends Kept>({ keepFiringFor = 0, keepFiringForMs = keepFiringFor, ...rule }: R) => ({
  ...rule,
  keepFiringForMs,
})

interface Windowed {
  readonly window?: number | undefined
  readonly windowMs?: number | undefined
}
const windowInMs = <R extends Windowed>({ window = 60_000, windowMs = window, ...rule }: R) => ({ ...rule, windowMs })

interface Held {
  readonly for?: number | undefined
  readonly forMs?: number | undefined
}
const heldMs = <R extends Held>({ for: text = 0, forMs = text, ...rule }: R) => ({ ...rule, forMs })

const threshold = z
  .strictObject({ type: z.literal('threshold'), ...shared, stat: z.enum(statNames), ...compared, ...windowed, ...held })
  .superRefine(eachTimeOnce)
  .superRefine(clearFits)
  .transform((rule) => heldMs(windowInMs(keptMs(rule))))

const quantile = z
  .strictObject({
    type: z.literal('quantile'),
    ...shared,
    q: z.number().min(0).max(1).meta({ description: 'Which quantile: 0.5 is the median, 0.999 the p99.9' }),
    ...compared,
    ...windowed,
    ...held,
  })
  .superRefine(eachTimeOnce)
  .superRefine(clearFits)
  .transform((rule) => heldMs(windowInMs(keptMs(rule))))

/** `value` is a second: of a counter how much is counted, of any other metric how much it rises (falls, if negative). */
const rate = z
  .strictObject({ type: z.literal('rate'), ...shared, ...compared, ...windowed, ...held })
  .superRefine(eachTimeOnce)
  .superRefine(clearFits)
  .transform((rule) => heldMs(windowInMs(keptMs(rule))))

const predictLinear = z
  .strictObject({
    type: z.literal('predict-linear'),
    ...shared,
    in: duration({ min: 1_000, max: monthMs }).optional().meta({ description: 'How far ahead, at most 30d' }),
    inMs: millis(1_000, monthMs).optional().meta({ description: 'The same in milliseconds' }),
    ...compared,
    ...windowed,
    ...held,
  })
  .superRefine(eachTimeOnce)
  .superRefine(clearFits)
  .superRefine(({ in: text, inMs = text }, context) => {
    if (inMs === undefined) context.addIssue({ code: 'custom', path: ['in'], message: 'is missing: how far ahead?' })
  })
  .transform(({ in: text = 0, inMs = text, ...rule }) => ({ ...heldMs(windowInMs(keptMs(rule))), inMs }))

const ratioStats = ['sum', 'count', 'mean', 'last'] as const

const ratio = z
  .strictObject({
    type: z.literal('ratio'),
    ...shared,
    denominator: pattern().meta({ description: 'The metric that `metric` is divided by' }),
    denominatorWhere: where(),
    on: z.array(tagName()).max(32).optional().meta({
      description: 'The tags by which the series are joined; those that differ in others are added up. Default: all',
    }),
    stat: z.enum(ratioStats).default('sum').meta({ description: 'What of each window is divided' }),
    minDenominator: z
      .number()
      .positive()
      .max(1e15)
      .default(1)
      .meta({ description: 'With a smaller denominator the rule says nothing' }),
    ...compared,
    ...windowed,
    ...held,
  })
  .superRefine(eachTimeOnce)
  .superRefine(clearFits)
  .superRefine((rule, context) => {
    for (const path of ['metric', 'denominator'] as const)
      if (rule[path].includes('*'))
        context.addIssue({
          code: 'custom',
          path: [path],
          message: 'holds *: a ratio is of two metrics, give each by its name',
        })
  })
  .transform((rule) => heldMs(windowInMs(keptMs(rule))))

const absence = z
  .strictObject({
    type: z.literal('absence'),
    ...shared,
    for: duration({ min: 1_000, max: dayMs }).optional().meta({ description: 'How long no sample came' }),
    forMs: millis(1_000).optional().meta({ description: 'The same in milliseconds' }),
    since: z
      .enum(['seen', 'start'])
      .default('seen')
      .meta({ description: 'seen: only a series that was seen is missed. start: also one that never came' }),
  })
  .superRefine(eachTimeOnce)
  .superRefine(({ for: text, forMs = text }, context) => {
    if (forMs === undefined)
      context.addIssue({ code: 'custom', path: ['for'], message: 'is missing: how long a silence?' })
  })
  .transform((rule) => heldMs(keptMs(rule)))

const anomaly = z
  .strictObject({
    type: z.literal('anomaly'),
    ...shared,
    minDeviation: z.number().positive().max(1e15).optional().meta({
      description:
        "How far from the median a value must lie, in the metric's own unit. Without it a detector judges that needs no parameters",
    }),
    score: z
      .number()
      .min(1)
      .max(1_000)
      .optional()
      .meta({ description: 'With minDeviation: and how many robust standard deviations. Default: 8' }),
    minScore: z.number().min(0.9).lt(1).optional().meta({
      description:
        'Without minDeviation: the least score that fires, default 0.9999: one ordinary sample in 10,000 has that',
    }),
    direction: z
      .enum(['up', 'down', 'both'])
      .optional()
      .meta({ description: 'Default: both, and up with minDeviation' }),
    warmUpSamples: z.number().int().min(10).max(10_000).default(64),
    ringSamples: z.number().int().min(20).max(10_000).default(256),
  })
  .superRefine(eachTimeOnce)
  .refine(({ warmUpSamples, ringSamples }) => warmUpSamples <= ringSamples, {
    path: ['warmUpSamples'],
    error: 'give at most ringSamples: no more values are remembered',
  })
  .refine(({ score, minDeviation }) => score === undefined || minDeviation !== undefined, {
    path: ['score'],
    error: 'counts deviations: give minDeviation too, or minScore instead',
  })
  .refine(({ minScore, minDeviation }) => minScore === undefined || minDeviation === undefined, {
    path: ['minScore'],
    error: 'is a probability, which no value has with minDeviation: leave one of them out',
  })
  .transform(({ score = 8, minScore = 0.9999, keepFiringFor = 30_000, ...rule }) => {
    const direction = rule.direction ?? (rule.minDeviation === undefined ? 'both' : 'up')
    return keptMs({ ...rule, score, minScore, direction, keepFiringFor })
  })

/** One rule, of any type. */
export const ruleForm = z.discriminatedUnion('type', [
  threshold,
  quantile,
  rate,
  predictLinear,
  ratio,
  absence,
  anomaly,
])

export type Rule = z.output<typeof ruleForm>
export type ThresholdRule = z.output<typeof threshold>
export type QuantileRule = z.output<typeof quantile>
export type RateRule = z.output<typeof rate>
export type PredictLinearRule = z.output<typeof predictLinear>
export type RatioRule = z.output<typeof ratio>
export type AbsenceRule = z.output<typeof absence>
export type AnomalyRule = z.output<typeof anomaly>

/** The rules of a file. */
export const rulesForm = z.array(ruleForm).max(maxRules)

/** The rules where no file is given, over metrics that every service sends. */
export const defaultRules: readonly Rule[] = rulesForm.parse([
  {
    type: 'rate',
    name: 'dead-letters',
    metric: '*ledger_dead_lettered_total',
    op: '>',
    value: 0,
    summary: 'messages are dead-lettered, {value} a second',
  },
  {
    type: 'rate',
    name: 'many-errors',
    metric: '*component_errors_total',
    op: '>',
    value: 1,
    summary: 'a component fails {value} times a second',
  },
])
