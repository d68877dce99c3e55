import type { Delivery } from '@armature/messaging/ports'
import { severityOf } from './severity.ts'

/** A line of the fleet, as `tail` sees it. */
export interface TailLine {
  /** When it was read at its source, in milliseconds since the epoch. */
  readonly timeMs: number
  readonly topic: string
  /** The field `service` of the line, else the header, else the source. */
  readonly service: string
  /** pino's number of its level; undefined where it has none. */
  readonly severity: number | undefined
  /** The line; what is no UTF-8 is replaced. */
  readonly text: string
  /** Its fields, where it is a JSON object. */
  readonly json: Readonly<Record<string, unknown>> | undefined
  readonly key: string | undefined
  readonly headers: Readonly<Record<string, string>>
  /** The value of a field of the line, else of a header, else `topic`, `key` or `service`. */
  field(name: string): unknown
}

/** The line in a message. */
export const tailLine = ({ topic, key, time, headers, body }: Omit<Delivery, 'signal' | 'attempt'>): TailLine => {
  const text = Buffer.from(body).toString()
  const json = objectIn(text)
  const inLine = (name: string): unknown => (json === undefined ? undefined : memberOf(json, name))
  const header = (name: string) => (Object.hasOwn(headers, name) ? headers[name] : undefined)
  const named = inLine('service') ?? header('service')
  const service = typeof named === 'string' && named !== '' ? named : (header('source') ?? topic)
  const own: Readonly<Record<string, string | undefined>> = { topic, key, service }
  return {
    ...{ timeMs: time.getTime(), topic, service, text, json, key, headers },
    severity: severityOf(inLine('level') ?? inLine('severity') ?? header('level')),
    field: (name) => inLine(name) ?? header(name) ?? (Object.hasOwn(own, name) ? own[name] : undefined),
  }
}

const objectIn = (text: string): Readonly<Record<string, unknown>> | undefined => {
  if (!text.trimStart().startsWith('{')) return undefined
  try {
    return JSON.parse(text) as Readonly<Record<string, unknown>>
  } catch {
    return undefined
  }
}

/** The member of that name, else the one at that path. */
const memberOf = (json: Readonly<Record<string, unknown>>, name: string): unknown => {
  if (Object.hasOwn(json, name)) return json[name]
  let found: unknown = json
  for (const part of name.split('.')) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, part)) return undefined
    found = (found as Readonly<Record<string, unknown>>)[part]
  }
  return found
}
