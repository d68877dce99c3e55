import type { Judge } from './judge.ts'
import { createLimit } from './limit.ts'
import type { RatioRule } from './rules.ts'
import { createWindow, type Window } from './window.ts'

/**
 * Two windows, one divided by the other. A window of the numerator in which nothing came is 0 for `sum` and `count`. It says nothing
 * while the denominator is under its floor, and with a window that has no value for `mean` and `last`.
 */
export const ratioJudge = (rule: Omit<RatioRule, 'type'>): Judge => {
  const { stat, windowMs, minDenominator } = rule
  const windows = { value: createWindow({ windowMs }), denominator: createWindow({ windowMs }) }
  const limit = createLimit(rule)

  const partOf = (window: Window, nowMs: number): number | undefined => {
    if (stat === 'sum') return window.sum(nowMs).sum
    return window.stat(stat, nowMs) ?? (stat === 'count' ? 0 : undefined)
  }

  return {
    add: ({ weight, member }, value, atMs, part) =>
      void (member === undefined && windows[part].add(atMs, value, weight)),
    close: () => Object.values(windows).forEach((window) => window.close()),
    verdict: (nowMs) => {
      const above = partOf(windows.value, nowMs)
      const below = partOf(windows.denominator, nowMs)
      const canTell = above !== undefined && below !== undefined && below >= minDenominator
      return limit.judge(canTell ? above / below : undefined)
    },
  }
}
