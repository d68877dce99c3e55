import * as z from 'zod'

const weekdayNames = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday']
const monthNames = [
  ...['january', 'february', 'march', 'april', 'may', 'june'],
  ...['july', 'august', 'september', 'october', 'november', 'december'],
]

/** Both ends belong to the range. */
export interface Range {
  readonly from: number
  readonly to: number
}

/** A number or a name, or two with a colon between: `1`, `monday:friday`, `-3:-1`. Undefined for anything else. */
const readRange = (text: string, read: (part: string) => number | undefined): Range | undefined => {
  const [first = '', last = first, ...more] = text.toLowerCase().split(':')
  const [from, to] = [read(first.trim()), read(last.trim())]
  return more.length > 0 || from === undefined || to === undefined ? undefined : { from, to }
}

const named = (names: readonly string[], first: number) => (part: string) => {
  const place = names.indexOf(part)
  return place === -1 ? undefined : place + first
}

const whole =
  (least: number, most: number) =>
  (part: string): number | undefined => {
    const number = /^-?\d{1,4}$/.test(part) ? Number(part) : undefined
    return number !== undefined && number >= least && number <= most ? number : undefined
  }

const weekday = named(weekdayNames, 0)
const month = (part: string) => named(monthNames, 1)(part) ?? whole(1, 12)(part)
const day = (part: string) => {
  const number = whole(-31, 31)(part)
  return number === 0 ? undefined : number
}

const ranges = (read: (part: string) => number | undefined, accepts: string) =>
  z.array(
    z.union([z.string(), z.number()]).transform((value, context): Range => {
      const range = readRange(String(value), read)
      const isBackward = range !== undefined && range.from > range.to && Math.sign(range.from) === Math.sign(range.to)
      if (range !== undefined && !isBackward) return range
      context.addIssue({ code: 'custom', message: `is no range of ${accepts}` })
      return z.NEVER
    }),
  )

const minutesOf = (text: string): number | undefined => {
  const [, hours, minutes] = /^(\d\d):(\d\d)$/.exec(text) ?? []
  const total = Number(hours) * 60 + Number(minutes)
  return total <= 1_440 && Number(minutes) < 60 ? total : undefined
}

const clockTime = z.string().transform((text, context) => {
  const minutes = minutesOf(text)
  if (minutes !== undefined) return minutes
  context.addIssue({ code: 'custom', message: 'is no time of a day: write 09:00, or 24:00 for its end' })
  return z.NEVER
})

const location = z.string().refine(
  (name) => {
    try {
      void new Intl.DateTimeFormat('en', { timeZone: name })
      return true
    } catch {
      return false
    }
  },
  { error: 'is no time zone: write one such as Europe/Berlin or UTC' },
)

/** Points in time that fit every field given here. */
export const timeInterval = z.strictObject({
  times: z
    .array(
      z
        .strictObject({ start_time: clockTime, end_time: clockTime })
        .refine(({ start_time: start, end_time: end }) => start < end, {
          error: 'ends before it starts: give two of them for a night',
        }),
    )
    .optional(),
  weekdays: ranges(weekday, 'weekdays: write monday or monday:friday').optional(),
  days_of_month: ranges(day, 'days: write 1:15, or -1 for the last day of a month').optional(),
  months: ranges(month, 'months: write january:march or 1:3').optional(),
  years: ranges(whole(1970, 9999), 'years: write 2030 or 2030:2032').optional(),
  location: location.default('UTC'),
})

export type TimeInterval = Readonly<z.output<typeof timeInterval>>

interface LocalTime {
  readonly minutes: number
  readonly weekday: number
  readonly day: number
  readonly month: number
  readonly year: number
}

/** Formats are slow to make: one for each time zone that a configuration names. */
const formats = new Map<string, Intl.DateTimeFormat>()

const localTime = (timeZone: string, atMs: number): LocalTime => {
  const format =
    formats.get(timeZone) ??
    new Intl.DateTimeFormat('en-US', {
      ...{ timeZone, hourCycle: 'h23', weekday: 'long', year: 'numeric', month: 'numeric' },
      ...{ day: 'numeric', hour: 'numeric', minute: 'numeric' },
    })
  formats.set(timeZone, format)
  const parts = new Map(format.formatToParts(atMs).map(({ type, value }) => [type, value]))
  const number = (type: Intl.DateTimeFormatPartTypes) => Number(parts.get(type))
  return {
    minutes: number('hour') * 60 + number('minute'),
    weekday: weekdayNames.indexOf((parts.get('weekday') ?? '').toLowerCase()),
    day: number('day'),
    month: number('month'),
    year: number('year'),
  }
}

const within = (value: number, range: readonly Range[] | undefined): boolean =>
  range === undefined || range.some(({ from, to }) => value >= from && value <= to)

const dayWithin = ({ day, month, year }: LocalTime, days: readonly Range[] | undefined): boolean => {
  if (days === undefined) return true
  const lastDay = new Date(Date.UTC(year, month, 0)).getUTCDate()
  const counted = (number: number) => (number < 0 ? lastDay + 1 + number : number)
  return days.some(({ from, to }) => day >= counted(from) && day <= counted(to))
}

/** Whether a point in time lies in the interval. A time of a day ends before its `end_time`. */
export const inInterval = (interval: TimeInterval, atMs: number): boolean => {
  const local = localTime(interval.location, atMs)
  const { times, weekdays, months, years } = interval
  return (
    (times === undefined ||
      times.some(({ start_time: start, end_time: end }) => local.minutes >= start && local.minutes < end)) &&
    within(local.weekday, weekdays) &&
    dayWithin(local, interval.days_of_month) &&
    within(local.month, months) &&
    within(local.year, years)
  )
}
