/** pino's numbers of the levels that are written most, by their names; others are names of the same severity. */
const severities: ReadonlyMap<string, number> = new Map([
  ['trace', 10],
  ['verbose', 10],
  ['debug', 20],
  ['info', 30],
  ['information', 30],
  ['notice', 35],
  ['warn', 40],
  ['warning', 40],
  ['error', 50],
  ['err', 50],
  ['severe', 50],
  ['fatal', 60],
  ['critical', 60],
  ['crit', 60],
  ['alert', 65],
  ['emerg', 70],
  ['emergency', 70],
])

const names = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const

/** The severity of a level: of a name, in capitals or not, or one of pino's numbers. Undefined for anything else. */
export const severityOf = (level: unknown): number | undefined => {
  if (typeof level === 'number') return Number.isFinite(level) ? level : undefined
  if (typeof level !== 'string') return undefined
  return severities.get(level.toLowerCase()) ?? (/^\d{1,3}$/.test(level) ? Number(level) : undefined)
}

/** The name of a severity: that of the highest level at or below it. */
export const levelName = (severity: number): string =>
  names[Math.min(Math.max(Math.floor(severity / 10), 1), 6) - 1] ?? 'info'
