import { duration } from '@armature/config/duration'
import * as z from 'zod'
import { sampleTypes } from '../collect/sample.ts'
import { parseValues } from './values-notation.ts'

const maxTests = 1_000
const maxSeries = 100
const dayMs = 86_400_000

const values = z.union([z.string(), z.number()]).transform((given, context) => {
  const parsed = parseValues(String(given))
  if (typeof parsed !== 'string') return parsed
  context.issues.push({ code: 'custom', message: parsed, input: given })
  return z.NEVER
})

const series = z.strictObject({
  metric: z.string().min(1).max(256),
  type: z.enum(sampleTypes).default('gauge'),
  tags: z.record(z.string().min(1), z.string()).default({}),
  start: duration({ max: 30 * dayMs })
    .default(0)
    .meta({ description: 'When the first value comes, default 0s' }),
  every: duration({ min: 1, max: dayMs })
    .default(1_000)
    .meta({ description: 'From one value to the next, default 1s' }),
  values: values.meta({
    description:
      "As in promtool: '1 2 3', '1x3' (1 1 1 1), '0+5x3' (0 5 10 15), '9-2x2' (9 7 5), '_' or '_x3' for none",
  }),
})

const expectedAlert = z.strictObject({
  name: z.string(),
  severity: z.string().optional(),
  labels: z.record(z.string(), z.string()).optional().meta({ description: 'These among its labels' }),
  value: z.number().optional(),
  summary: z.string().optional(),
})

const expectation = z.strictObject({
  at: duration({ max: 30 * dayMs }),
  firing: z.array(expectedAlert).meta({ description: 'All alerts that fire then' }),
})

const testCase = z.strictObject({
  name: z.string().min(1),
  series: z.array(series).max(maxSeries).default([]),
  expect: z.array(expectation).min(1),
})

/** The cases of a file. */
export const ruleTestsForm = z.array(testCase).max(maxTests)

export type RuleTest = z.output<typeof testCase>
export type ExpectedAlert = z.output<typeof expectedAlert>
