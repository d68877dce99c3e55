const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** Milliseconds of `250ms`, `10s`, `5m`, `2h` or `7d`; undefined for anything else. */
export const durationMsOf = (text: string): number | undefined => {
  const [, number, unit] = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)$/.exec(text) ?? []
  const factor = unitMs[unit ?? '']
  return number === undefined || factor === undefined ? undefined : Number(number) * factor
}

/** How many a second `100/s`, `30/m` or `100` (a second) stand for; undefined for anything else and for none. */
export const perSecondOf = (text: string): number | undefined => {
  const [, number, unit = 's'] = /^(\d{1,9}(?:\.\d{1,3})?)(?:\/(s|m|h))?$/.exec(text) ?? []
  const perSecond = (Number(number) * 1_000) / (unitMs[unit] ?? Number.NaN)
  return perSecond > 0 ? perSecond : undefined
}

/** The time of `2h` (that long before `nowMs`) or of an ISO 8601 time; undefined for anything else. */
export const sinceOf = (text: string, nowMs: number): Date | undefined => {
  const agoMs = durationMsOf(text)
  if (agoMs !== undefined) return new Date(nowMs - agoMs)
  const date = new Date(text)
  return /^\d{4}-\d\d-\d\d(?:T|$)/.test(text) && !Number.isNaN(date.getTime()) ? date : undefined
}
