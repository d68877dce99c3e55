import { severityOf } from './severity.ts'
import type { TailLine } from './tail-line.ts'

/** Whether a line is to be shown. */
export type Condition = (line: TailLine) => boolean

const shape = /^\s*([^\s=!<>~]{1,200})\s*(!=|>=|<=|=|>|<|~)(.{0,1000})$/s
const operators = new Set(['=', '!=', '>', '>=', '<', '<='])

/**
 * Reads `FIELD OPERATOR VALUE`. The field is one of a JSON line (with dots: of an object in it), a header, or `topic`, `key`, `service`, `level`.
 * Levels compare by severity, numbers as numbers, all else as text; `~` is a regular expression. A line without the field fits `!=` alone.
 * Throws Error that says what is wrong.
 */
export const parseCondition = (text: string): Condition => {
  const [, field = '', operator = '', given = ''] = shape.exec(text) ?? []
  if (field === '') throw new Error('is no condition: write FIELD=VALUE, or with one of != >= <= > < ~ instead of =')
  const value = given.trim()
  if (operator === '~') {
    const pattern = patternOf(value)
    return ({ field: valueOf }) => {
      const found = textOf(valueOf(field))
      return found !== undefined && pattern.test(found)
    }
  }
  if (!operators.has(operator)) throw new Error(`has the operator ${operator}, which is not known`)
  if (field === 'level') return levelCondition(operator, value)
  return ({ field: valueOf }) => {
    const found = textOf(valueOf(field))
    return found === undefined ? operator === '!=' : holds(operator, compared(found, value))
  }
}

const levelCondition = (operator: string, value: string): Condition => {
  const wanted = severityOf(value)
  if (wanted === undefined) throw new Error(`names no level: use trace, debug, info, warn, error, fatal or a number`)
  return ({ severity }) => (severity === undefined ? operator === '!=' : holds(operator, severity - wanted))
}

const patternOf = (text: string): RegExp => {
  try {
    return new RegExp(text, 'u')
  } catch (error) {
    throw new Error(`holds no regular expression: ${(error as Error).message}`, { cause: error })
  }
}

const textOf = (value: unknown): string | undefined => {
  if (value === undefined) return undefined
  return typeof value === 'string' ? value : JSON.stringify(value)
}

const number = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i

const compared = (one: string, other: string): number => {
  if (number.test(one) && number.test(other)) return Number(one) - Number(other)
  if (one === other) return 0
  return one < other ? -1 : 1
}

const holds = (operator: string, difference: number): boolean => {
  switch (operator) {
    case '=':
      return difference === 0
    case '!=':
      return difference !== 0
    case '>':
      return difference > 0
    case '>=':
      return difference >= 0
    case '<':
      return difference < 0
    default:
      return difference <= 0
  }
}
