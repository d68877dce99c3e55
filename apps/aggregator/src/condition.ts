import type { Message } from '@armature/messaging/message'
import * as z from 'zod'
import { FieldError, fieldOf } from './field.ts'

/** The text of a field, as `fieldOf` reads it. */
export const fieldText = () =>
  z
    .string()
    .superRefine((value, context) => {
      try {
        fieldOf(value)
      } catch (error) {
        if (!(error instanceof FieldError)) throw error
        context.addIssue({ code: 'custom', message: error.message })
      }
    })
    .meta({ description: 'topic, key, id, header:NAME or json:PATH' })

const scalar = z.union([z.string(), z.number(), z.boolean()])

const pattern = z.string().superRefine((value, context) => {
  try {
    new RegExp(value, 'v')
  } catch {
    context.addIssue({ code: 'custom', message: 'is no regular expression' })
  }
})

/** A condition on one field of a message: all that it says must hold. */
export const conditionSchema = z
  .strictObject({
    field: fieldText(),
    exists: z.boolean().optional().meta({ description: 'Whether the message has the field' }),
    equals: scalar.optional().meta({ description: 'The value of the field; a header is compared as text' }),
    oneOf: z.array(scalar).min(1).max(1_000).optional().meta({ description: 'The field has one of these values' }),
    matches: pattern.optional().meta({ description: 'A regular expression that is found in the text of the field' }),
    atLeast: z.number().optional().meta({ description: 'The field is a number that is not less' }),
    atMost: z.number().optional().meta({ description: 'The field is a number that is not greater' }),
  })
  .refine((condition) => Object.keys(condition).length > 1, {
    error: 'says nothing of the field: add exists, equals, oneOf, matches, atLeast or atMost',
  })

export type ConditionSettings = z.output<typeof conditionSchema>

/** Whether a message is as a condition says. */
export type Condition = (message: Message) => boolean

/** Longer texts are cut before a pattern is tried on them, in characters: its time grows with the text. */
const maxMatchedLength = 10_000

/** Holds where all conditions hold. */
export const allOf = (conditions: readonly ConditionSettings[]): Condition => {
  const all = conditions.map(conditionOf)
  return (message) => all.every((holds) => holds(message))
}

const conditionOf = (settings: ConditionSettings): Condition => {
  const field = fieldOf(settings.field)
  const { exists, equals, oneOf, matches, atLeast = -Infinity, atMost = Infinity } = settings
  const expression = matches === undefined ? undefined : new RegExp(matches, 'v')
  const isRange = settings.atLeast !== undefined || settings.atMost !== undefined
  return (message) => {
    const value = field(message)
    if (exists !== undefined && (value !== undefined) !== exists) return false
    if (equals !== undefined && !isSame(value, equals)) return false
    if (oneOf !== undefined && !oneOf.some((one) => isSame(value, one))) return false
    if (expression !== undefined && !(typeof value === 'string' && expression.test(value.slice(0, maxMatchedLength))))
      return false
    if (!isRange) return true
    const number = numberOf(value)
    return number !== undefined && number >= atLeast && number <= atMost
  }
}

/** A header is a text: `equals: 5` means the header `5` also. */
const isSame = (value: unknown, wanted: string | number | boolean): boolean =>
  value === wanted || (typeof value === 'string' && value === String(wanted))

/** A number, or a text that is the whole of one. */
export const numberOf = (value: unknown): number | undefined => {
  if (typeof value === 'number') return value
  if (typeof value !== 'string' || value.trim() === '') return undefined
  const number = Number(value)
  return Number.isFinite(number) ? number : undefined
}
