import { printable } from '@armature/messaging-commands/terminal-text'
import { levelName } from './severity.ts'
import type { TailLine } from './tail-line.ts'

const serviceColours = [36, 32, 35, 34, 96, 92, 95, 94] as const
const red = 31
const yellow = 33
const grey = 90

/** Fields that the text has in places of their own, or that say nothing beside the source. */
const shownElsewhere: ReadonlySet<string> = new Set([
  'time',
  'level',
  'severity',
  'service',
  'msg',
  'message',
  'pid',
  'hostname',
])

/** A line for people, without a line feed: time, service, level, message, the other fields. What could steer a terminal is escaped. */
export const textOf = (line: TailLine, isColoured: boolean): string => {
  const paint = (colour: number, text: string) => (isColoured ? `\u001b[${colour}m${text}\u001b[0m` : text)
  const { service, severity, json, text } = line
  const level = severity === undefined ? '-' : levelName(severity).toUpperCase()
  return [
    paint(grey, new Date(line.timeMs).toISOString()),
    paint(colourOf(service), shown(service)),
    severity !== undefined && severity >= 40 ? paint(severity >= 50 ? red : yellow, level) : level,
    ...(json === undefined ? [shown(text)] : fieldsOf(json)),
  ].join(' ')
}

/** The line as one object of JSON, without a line feed. */
export const jsonOf = ({ timeMs, topic, service, severity, key, headers, json, text }: TailLine): string =>
  JSON.stringify({
    time: new Date(timeMs).toISOString(),
    ...{ topic, service, level: severity === undefined ? undefined : levelName(severity), key, headers },
    line: json ?? text,
  })

const shown = (text: string): string => printable(text.replaceAll('\n', '\\n'))

const fieldsOf = (json: Readonly<Record<string, unknown>>): string[] => {
  const message = json['msg'] ?? json['message']
  const others = Object.entries(json).filter(([name]) => !shownElsewhere.has(name))
  return [
    ...(message === undefined ? [] : [shown(wordOf(message))]),
    ...others.map(([name, value]) => `${shown(name)}=${shown(wordOf(value))}`),
  ]
}

const wordOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))

/** The same for the same service in every process. */
const colourOf = (service: string): number => {
  let hash = 0
  for (const character of service) hash = (Math.imul(hash, 31) + (character.codePointAt(0) ?? 0)) >>> 0
  return serviceColours[hash % serviceColours.length] ?? grey
}
