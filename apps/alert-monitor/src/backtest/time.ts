import { parseDuration } from '@armature/config/duration'

/** Numbers below this are seconds since the epoch, others milliseconds: 1e11 ms is in 1973, 1e11 s in the year 5138. */
const leastMs = 1e11

/**
 * Milliseconds since the epoch of `2026-03-01T12:00:00Z`, `2026-03-01 12:00:00` (UTC), `2026-03-01`, or a number of seconds or milliseconds
 * since the epoch; undefined for any other text.
 */
export const parseTimestamp = (text: string): number | undefined => {
  const trimmed = text.trim()
  if (/^\d{1,16}(?:\.\d{1,9})?$/.test(trimmed)) {
    const number = Number(trimmed)
    return number < leastMs ? number * 1000 : number
  }
  const [, day, time = '00:00:00', zone = 'Z'] =
    /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)(Z|[+-]\d{2}:?\d{2})?)?$/.exec(trimmed) ?? []
  if (day === undefined) return undefined
  const timeMs = Date.parse(`${day}T${time}${zone}`)
  return Number.isNaN(timeMs) ? undefined : timeMs
}

/** As `parseTimestamp`, and `now`, and so long ago: `-24h`. */
export const parseTime = (text: string, nowMs: number): number | undefined => {
  if (text === 'now') return nowMs
  const ago = text.startsWith('-') ? parseDuration(text.slice(1)) : undefined
  return ago === undefined ? parseTimestamp(text) : nowMs - ago
}
