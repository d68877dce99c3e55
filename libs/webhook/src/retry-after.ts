/**
 * How long a `Retry-After` header asks to wait from `nowMs` (since the epoch), in ms: seconds or an HTTP date, RFC 9110 section 10.2.3.
 * Undefined where it is missing or neither.
 */
export const retryAfterMs = (header: string | null, nowMs: number): number | undefined => {
  if (header === null) return undefined
  const text = header.trim()
  if (/^\d{1,10}$/.test(text)) return Number(text) * 1000
  // Only the dates of RFC 9110 begin with a day's name; Date.parse would read far more.
  const atMs = /^[A-Z][a-z]{2,8},? /.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - nowMs)
}
