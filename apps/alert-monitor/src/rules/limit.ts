import type { Verdict } from './judge.ts'
import type { Comparison } from './rules.ts'

export interface LimitOptions {
  readonly op: Comparison
  readonly value: number
  /** Where the condition ends to hold, once it holds. Default: `value`. */
  readonly clear?: number | undefined
}

/** The comparison of a rule on one series, with hysteresis: from `value` on, until `clear` is no longer passed. */
export interface Limit {
  /** Undefined where there is nothing to judge by: the condition holds no more then. */
  judge(value: number | undefined): Verdict | undefined
  /** Whether the comparison as it stands now would hold. */
  reaches(value: number): boolean
}

/** Whether an operator asks for small values. */
export const looksDown = (op: Comparison): boolean => op === '<' || op === '<='

const compare: Readonly<Record<Comparison, (value: number, limit: number) => boolean>> = {
  '>': (value, limit) => value > limit,
  '>=': (value, limit) => value >= limit,
  '<': (value, limit) => value < limit,
  '<=': (value, limit) => value <= limit,
}

/** A limit that does not hold yet. */
export const createLimit = ({ op, value: threshold, clear = threshold }: LimitOptions): Limit => {
  const holds = compare[op]
  let active = false
  const reaches = (value: number) => holds(value, active ? clear : threshold)
  return {
    reaches,
    judge: (value) => {
      // Such as a large number divided by a small one: a notice in JSON has no infinity.
      const isUsable = value !== undefined && Number.isFinite(value)
      active = isUsable && reaches(value)
      return isUsable ? { active, value, threshold } : undefined
    },
  }
}
