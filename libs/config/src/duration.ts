import * as z from 'zod'

const unitsMs = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000, ms: 1 } as const

/** Units from the longest to the shortest, each at most once: `1h30m`, not `30m1h` or `5m5m`. */
const form = /^(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/

/** Milliseconds of a text like `30s`, `5m`, `1h30m`, `2d`, `500ms`, `0s`; undefined where it is no duration. */
export const parseDuration = (text: string): number | undefined => {
  const found = text === '' || text.length > 32 ? null : form.exec(text)
  if (found === null) return undefined
  const units = Object.values(unitsMs)
  return found
    .slice(1)
    .reduce((sum, amount: string | undefined, place) => sum + Number(amount ?? 0) * (units[place] ?? 0), 0)
}

/** The shortest text for whole milliseconds: `90s` is `1m30s`. */
export const durationText = (ms: number): string => {
  if (ms === 0) return '0s'
  let rest = ms
  return Object.entries(unitsMs).reduce((text, [unit, unitMs]: [string, number]) => {
    const amount = Math.floor(rest / unitMs)
    rest -= amount * unitMs
    return amount === 0 ? text : `${text}${amount}${unit}`
  }, '')
}

/** A duration for people, such as `30s` or `1h30m`; the value is milliseconds. Both ends, in milliseconds, belong to the range. */
export const duration = ({ min = 0, max = Number.MAX_SAFE_INTEGER }: { min?: number; max?: number } = {}) =>
  z
    .string()
    .regex(/^(?:\d+(?:d|h|ms|m|s))+$/, { error: 'is no duration: write 30s, 5m or 1h30m' })
    .transform((text, context) => {
      const ms = parseDuration(text)
      if (ms !== undefined && ms >= min && ms <= max) return ms
      const problem =
        ms === undefined
          ? 'is no duration: write the longest unit first, as in 1h30m'
          : `is not from ${durationText(min)} to ${durationText(max)}`
      context.issues.push({ code: 'custom', message: problem, input: text })
      return z.NEVER
    })
