/** The columns of a row, as text. */
export interface RawRow {
  readonly timestamp: string
  readonly value: string
}

/** A row that can be judged. */
export interface SeriesRow extends RawRow {
  readonly atMs: number
  readonly number: number
}

/** What a row lacks, and how it is mended. */
export interface RowFault extends RawRow {
  readonly problem: string
}

/** Where the columns are. Undefined unless the header names both, each once. */
export interface SeriesHeader {
  readonly timestamp: number
  readonly value: number
}

/** The header of a series: `timestamp` and `value` among its columns, in any order. */
export const seriesHeader = (line: string): SeriesHeader | undefined => {
  const columns = columnsOf(line.replace(/^\uFEFF/, '')).map((name) => name.toLowerCase())
  const timestamp = columns.indexOf('timestamp')
  const value = columns.indexOf('value')
  const once = timestamp === columns.lastIndexOf('timestamp') && value === columns.lastIndexOf('value')
  return timestamp >= 0 && value >= 0 && once ? { timestamp, value } : undefined
}

/** Reads a row below its header. */
export const seriesRow = (line: string, header: SeriesHeader): SeriesRow | RowFault => {
  const columns = columnsOf(line)
  const row = { timestamp: columns[header.timestamp] ?? '', value: columns[header.value] ?? '' }
  const atMs = parseStamp(row.timestamp)
  if (atMs === undefined)
    return {
      ...row,
      problem: `the timestamp ${quoted(row.timestamp)} is not a time: write 2014-02-14 14:30:00 (UTC), ISO 8601, or seconds or milliseconds since 1970`,
    }
  const number = parseNumber(row.value)
  if (number === undefined)
    return { ...row, problem: `the value ${quoted(row.value)} is not a finite number: write digits, such as 12.5` }
  return { ...row, atMs, number }
}

const columnsOf = (line: string): string[] => line.split(',').map((cell) => cell.trim().replace(/^"(.*)"$/, '$1'))

/** Shown in an error: the start of a text that may be long or hold control characters. */
const quoted = (text: string): string => JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text)

const decimal = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i

const parseNumber = (text: string): number | undefined => {
  if (!decimal.test(text)) return undefined
  const number = Number(text)
  return Number.isFinite(number) ? number : undefined
}

/** From this on a bare number is milliseconds: as seconds it would be the year 5138. */
const leastMilliseconds = 1e11

const calendar =
  /^(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?\s*(Z|[-+]\d\d(?::?\d\d)?)?)?$/i

/**
 * Milliseconds since 1970 of `2014-02-14 14:30:00` (UTC where no offset is written), of ISO 8601, or of a bare number of seconds or
 * milliseconds since 1970. Undefined for all else, also for a day that no calendar has.
 */
export const parseStamp = (text: string): number | undefined => {
  const bare = parseNumber(text)
  if (bare !== undefined) return within(Math.abs(bare) < leastMilliseconds ? bare * 1000 : bare)
  const parts = calendar.exec(text)
  if (parts === null) return undefined
  const [year, month, day, hour, minute, second] = parts
    .slice(1, 7)
    .map((part: string | undefined) => Number(part ?? 0))
  const atMs = Date.UTC(year ?? 0, (month ?? 0) - 1, day, hour, minute, second)
  const shown = new Date(atMs)
  const real = shown.getUTCMonth() + 1 === month && shown.getUTCDate() === day && shown.getUTCHours() === hour
  if (!real || shown.getUTCMinutes() !== minute || shown.getUTCSeconds() !== second) return undefined
  return atMs + Number(`0.${parts[7] ?? 0}`) * 1000 - offsetMs(parts[8])
}

const offsetMs = (zone: string | undefined): number => {
  if (zone === undefined || zone.toUpperCase() === 'Z') return 0
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(3).replace(':', '') || 0)
  return (zone.startsWith('-') ? -minutes : minutes) * 60_000
}

/** The range of JavaScript's Date. */
const mostMs = 8.64e15

const within = (atMs: number): number | undefined => (Math.abs(atMs) <= mostMs ? atMs : undefined)
