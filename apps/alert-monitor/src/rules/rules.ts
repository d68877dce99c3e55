import * as z from 'zod'
import { statNames } from './window.ts'

const maxRules = 200
const dayMs = 86_400_000

const durationMs = z.number().int().min(1_000).max(dayMs)
const finite = z.number().min(-1e15).max(1e15)

const comparison = z.enum(['>', '>=', '<', '<='])
export type Comparison = z.infer<typeof comparison>

const shared = {
  /** Names the alert and its topic `alerts.<name>`: one token. */
  name: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/, 'use 1 to 64 letters, digits, - and _: the alert is published to alerts.<name>'),
  /** The metrics it judges, each series by itself; `*` stands for any characters. */
  metric: z
    .string()
    .regex(/^[^\s:|@#]{1,256}$/, 'use a metric name of 1 to 256 characters, without white space or : | @ #'),
  severity: z.enum(['info', 'warning', 'critical']).default('warning'),
  /** Added to the labels of each alert. */
  labels: z.record(z.string().min(1).max(64), z.string().max(256)).default({}),
  /** How long after the condition last held the alert is resolved. */
  keepFiringForMs: z.number().int().min(0).max(dayMs).default(0),
  /** One sentence for people; `{value}`, `{threshold}` and `{metric}` are filled in. */
  summary: z.string().min(1).max(500).optional(),
}

const threshold = z.strictObject({
  type: z.literal('threshold'),
  ...shared,
  stat: z.enum(statNames),
  op: comparison,
  value: finite,
  windowMs: durationMs.default(60_000),
  /** How long the condition must hold without a break. */
  forMs: z.number().int().min(0).max(dayMs).default(0),
})

const rate = z.strictObject({
  type: z.literal('rate'),
  ...shared,
  op: comparison,
  /** A second: of a counter how much is counted, of any other metric how much it rises (falls, if negative). */
  value: finite,
  windowMs: durationMs.default(60_000),
  forMs: z.number().int().min(0).max(dayMs).default(0),
})

const absence = z.strictObject({
  type: z.literal('absence'),
  ...shared,
  /** How long no sample came. */
  forMs: durationMs,
  /** `seen`: only a series that was seen can be missed. `start`: also when nothing came since the monitor started. */
  since: z.enum(['seen', 'start']).default('seen'),
})

const anomaly = z.strictObject({
  type: z.literal('anomaly'),
  ...shared,
  keepFiringForMs: shared.keepFiringForMs.unwrap().default(30_000),
  /** How far from the median a value must lie, in the metric's own unit. */
  minDeviation: z.number().positive().max(1e15),
  /** And how many robust standard deviations. */
  score: z.number().min(1).max(1_000).default(8),
  direction: z.enum(['up', 'down', 'both']).default('up'),
  warmUpSamples: z.number().int().min(10).max(10_000).default(64),
  ringSamples: z.number().int().min(20).max(10_000).default(256),
})

const rule = z
  .discriminatedUnion('type', [threshold, rate, absence, anomaly])
  .refine((each) => each.type !== 'anomaly' || each.warmUpSamples <= each.ringSamples, {
    path: ['warmUpSamples'],
    error: 'give at most ringSamples: no more values are remembered',
  })

export type Rule = z.infer<typeof rule>
export type ThresholdRule = z.infer<typeof threshold>
export type RateRule = z.infer<typeof rate>
export type AbsenceRule = z.infer<typeof absence>
export type AnomalyRule = z.infer<typeof anomaly>

/** The form of a rules file. */
export const rulesForm = z.strictObject({ rules: z.array(rule).max(maxRules) }).superRefine(({ rules }, context) => {
  const seen = new Set<string>()
  for (const [index, { name }] of rules.entries()) {
    if (seen.has(name)) {
      context.addIssue({
        code: 'custom',
        path: ['rules', index, 'name'],
        message: `another rule is named ${name} already`,
      })
    }
    seen.add(name)
  }
})

/** The rules where no file is given, over metrics that every service sends. */
export const defaultRules: readonly Rule[] = rulesForm.parse({
  rules: [
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
  ],
}).rules

export interface RuleFault {
  /** The place in the file: `rules[2].op`. */
  readonly path: string
  readonly problem: string
}

/** A rules file that cannot be used, with everything that is wrong with it. */
export class RulesError extends Error {
  override readonly name = 'RulesError'
  readonly faults: readonly RuleFault[]

  constructor(source: string, faults: readonly RuleFault[]) {
    super(
      `${source}: ${faults.length} fault(s) in the rules\n${faults.map(({ path, problem }) => `  ${path}: ${problem}`).join('\n')}`,
    )
    this.faults = faults
  }
}

/** The rules of a file's text (JSON `{ "rules": [...] }`). Throws RulesError with all faults; `source` names the file in it. */
export const parseRules = (text: string, source: string): readonly Rule[] => {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new RulesError(source, [
      { path: 'file', problem: `not JSON: ${error instanceof Error ? error.message : String(error)}` },
    ])
  }
  const result = rulesForm.safeParse(value)
  if (result.success) return result.data.rules
  throw new RulesError(
    source,
    result.error.issues.map(({ path, message }) => ({ path: pathText(path), problem: message })),
  )
}

const pathText = (path: readonly PropertyKey[]): string =>
  path.reduce<string>(
    (text, part) =>
      typeof part === 'number' ? `${text}[${part}]` : text === '' ? String(part) : `${text}.${String(part)}`,
    '',
  ) || 'file'

/** A rule on one line: `p99(search) > 500 over 60 s for 30 s`. */
export const expressionOf = (rule: Rule): string => {
  const held = (forMs: number) => (forMs === 0 ? '' : ` for ${forMs / 1000} s`)
  switch (rule.type) {
    case 'threshold':
      return `${rule.stat}(${rule.metric}) ${rule.op} ${rule.value} over ${rule.windowMs / 1000} s${held(rule.forMs)}`
    case 'rate':
      return `rate(${rule.metric}) ${rule.op} ${rule.value}/s over ${rule.windowMs / 1000} s${held(rule.forMs)}`
    case 'absence':
      return `absent(${rule.metric})${held(rule.forMs)}`
    case 'anomaly':
      return `anomaly(${rule.metric}) beyond ${rule.minDeviation} and ${rule.score} deviations`
  }
}

/** Whether a metric's name is one that the rule judges. Linear in the name's length for each `*`. */
export const metricMatches = (pattern: string, name: string): boolean => {
  const [first = '', ...rest] = pattern.split('*')
  if (rest.length === 0) return pattern === name
  const last = rest.pop() ?? ''
  if (!name.startsWith(first) || name.length < first.length + last.length || !name.endsWith(last)) return false
  let from = first.length
  const end = name.length - last.length
  for (const part of rest) {
    const found = name.indexOf(part, from)
    if (found === -1 || found + part.length > end) return false
    from = found + part.length
  }
  return true
}
