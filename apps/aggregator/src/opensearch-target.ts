import type { SinkItem } from './sink.ts'

/** The place that `SINK_URL` names for documents. */
export interface OpensearchTarget {
  /** `https://host:9200`. */
  readonly origin: string
  /** The path before `_bulk`, of a server behind a proxy: empty, or `/search`. */
  readonly prefix: string
  readonly user: string | undefined
  readonly password: string | undefined
  /** The index as the URL has it: `logs-%Y.%m.%d`. */
  readonly index: string
  /** All indices that it makes: `logs-*`. */
  readonly wildcard: string
  /** An index as one that it would make now: whether it exists or not, a request for it takes the way of a document. */
  readonly checkIndex: (now: Date) => string
  /** The index of an item, or why it has none. */
  readonly indexOf: (item: SinkItem) => string | { readonly problem: string }
}

/** The scheme may be written before the URL, to say which sink it is. */
const sinkScheme = /^(?:opensearch|elasticsearch):(?=https?:)/i
const shape = /^(https?:\/\/)(?:([^/?#]*)@)?([^@/?#]+)(?:\/([^?#]*))?$/i
const example = 'https://user@host:9200/logs-%Y.%m.%d'

/** Reads `SINK_URL`. Throws Error with the problem and an example; never with the URL, which may hold a password. */
export const opensearchTarget = (url: string): OpensearchTarget => {
  const match = shape.exec(url.replace(sinkScheme, ''))
  const [, scheme = '', userinfo, host = '', path = ''] = match ?? []
  const origin = URL.parse(`${scheme}${host}`)
  if (match === null || origin === null) throw new Error(`is not the URL of a sink, such as ${example}`)
  const segments = path.split('/').filter((segment) => segment !== '')
  const index = segments.pop()
  if (index === undefined) throw new Error(`names no index; write it as the path: ${example}`)
  const parts = partsOf(index)
  const literal = parts.map((part) => (typeof part === 'string' ? part : 'x')).join('')
  const fault = nameFault(literal)
  if (fault !== undefined) throw new Error(`names an index that cannot be: ${fault}`)
  const [user, ...password] = userinfo?.split(':') ?? []
  return {
    origin: origin.origin,
    prefix: segments.map((segment) => `/${segment}`).join(''),
    user: user === undefined ? undefined : decodeURIComponent(user),
    password: password.length === 0 ? undefined : decodeURIComponent(password.join(':')),
    index,
    wildcard: parts
      .map((part) => (typeof part === 'string' ? part : '*'))
      .join('')
      .replaceAll(/\*+/g, '*'),
    checkIndex: (now) => {
      const name = parts.map((part) => (typeof part === 'string' ? part : (part.ofTime?.(now) ?? 'check'))).join('')
      return nameFault(name) === undefined ? name : literal
    },
    indexOf: parts.every((part) => typeof part === 'string') ? () => literal : (item) => nameOf(parts, item),
  }
}

interface Variable {
  readonly of: (item: SinkItem) => string | undefined
  readonly ofTime?: (time: Date) => string | undefined
}
type Part = string | Variable

const pad = (value: number, digits = 2) => String(value).padStart(digits, '0')

/** The parts of a date by their letters in strftime. They are those of the event's time in UTC. */
const dateParts: Readonly<Record<string, (time: Date) => string>> = {
  Y: (time) => pad(time.getUTCFullYear(), 4),
  m: (time) => pad(time.getUTCMonth() + 1),
  d: (time) => pad(time.getUTCDate()),
  H: (time) => pad(time.getUTCHours()),
}

const token = /%([A-Za-z])|\{(topic|correlation-key|header:[^{}]+)\}|[%{}]/g

const partsOf = (pattern: string): readonly Part[] => {
  const parts: Part[] = []
  let end = 0
  for (const match of pattern.matchAll(token)) {
    const [text, letter, field] = match
    const date = letter === undefined ? undefined : dateParts[letter]
    if (date === undefined && field === undefined)
      throw new Error(`has ${text} in its index: %Y %m %d %H and {topic} {correlation-key} {header:NAME} are known`)
    if (match.index > end) parts.push(pattern.slice(end, match.index))
    parts.push(date === undefined ? { of: fieldPart(field ?? '') } : datePart(date))
    end = match.index + text.length
  }
  if (end < pattern.length) parts.push(pattern.slice(end))
  return parts
}

const datePart = (part: (time: Date) => string): Variable => {
  const ofTime = (time: Date) => {
    const year = time.getUTCFullYear()
    return year >= 0 && year <= 9_999 ? part(time) : undefined
  }
  return { of: ({ message }) => ofTime(message.time), ofTime }
}

const fieldPart = (field: string): Variable['of'] => {
  if (field === 'topic') return ({ message }) => message.topic.toLowerCase()
  if (field === 'correlation-key') return ({ correlationKey }) => correlationKey.toLowerCase()
  const name = field.slice('header:'.length).toLowerCase()
  return ({ message }) => (Object.hasOwn(message.headers, name) ? message.headers[name]?.toLowerCase() : undefined)
}

const nameOf = (parts: readonly Part[], item: SinkItem): string | { readonly problem: string } => {
  const texts = parts.map((part) => (typeof part === 'string' ? part : part.of(item)))
  if (texts.some((text) => text === undefined || text === ''))
    return { problem: 'the message has not what its index is named by' }
  const name = texts.join('')
  const fault = nameFault(name)
  return fault === undefined ? name : { problem: `its index cannot be: ${fault}` }
}

const maxIndexNameCharacters = 255

/** Stricter than the server: what a message holds must not reach another index, an alias of all or an expression. */
const nameFault = (name: string): string | undefined => {
  if (name.length > maxIndexNameCharacters) return `its name is longer than ${maxIndexNameCharacters} characters`
  if (!/^[a-z0-9][a-z0-9._-]*$/.test(name))
    return 'a name begins with a letter or digit and holds small letters, digits and . _ - only'
  return undefined
}
