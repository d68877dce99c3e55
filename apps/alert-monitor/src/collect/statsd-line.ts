import type { Malformed } from './sample.ts'

/** One or more values of a line that have a type and a rate in common, as texts. */
export interface Group {
  /** `1`, or `1:2:3`; of a set the member. */
  values: string
  letters: string | undefined
  rate: string | undefined
  /** A section is of no kind that is known. */
  isOdd: boolean
}

/** A line taken apart: nothing is checked yet but that it can be taken apart. */
export interface Line {
  readonly name: string
  /** Those of the name first, so that one in a section replaces it. */
  readonly tags: readonly (readonly [string, string])[]
  readonly groups: readonly Group[]
}

/**
 * Takes a line apart, or tells why that cannot be done. The grammar is what StatsD, Telegraf, statsd_exporter and Datadog's agent take together:
 *
 *     name[tags]:values|type[|@rate][|#tag:value,...][|extension]...[:values|type...]...
 *
 * The name may hold tags in the styles of InfluxDB and Telegraf (`name,tag=value,...`), Graphite (`name;tag=value;...`), Librato
 * (`name#tag=value,...`) and SignalFx (`name[tag=value,...]rest`). Tags are those of all values of the line; a rate is that of its own.
 */
export const splitLine = (text: string): Line | Malformed => {
  const [head = ''] = text.split('|', 1)
  const colon = head.indexOf(':')
  const named = splitName(colon === -1 ? head : head.slice(0, colon))
  if (typeof named === 'string') return named
  if (colon === -1) return 'no-value'
  const tags = [...named.tags]
  const groups = splitGroups(text.slice(colon + 1), (section) => tags.push(...dogstatsdTags(section)))
  return { name: named.name, tags, groups }
}

// Container id, external data, timestamp and cardinality of DogStatsD 1.2 to 1.6 say nothing about the value.
const extensionForm = /^(?:c:|e:|T\d+$|card:)/

const splitGroups = (text: string, onTags: (section: string) => void): readonly Group[] => {
  const [values = '', ...sections] = text.split('|')
  let group = newGroup(values)
  const groups = [group]
  for (const section of sections) {
    if (group.letters !== undefined) {
      // These two may hold colons.
      if (section.startsWith('#')) {
        onTags(section.slice(1))
        continue
      }
      if (extensionForm.test(section)) continue
    }
    const colon = section.indexOf(':')
    const own = colon === -1 ? section : section.slice(0, colon)
    if (group.letters === undefined) group.letters = own
    else if (own.startsWith('@')) group.rate = own.slice(1)
    else if (own !== '') group.isOdd = true
    if (colon === -1) continue
    group = newGroup(section.slice(colon + 1))
    groups.push(group)
  }
  return groups
}

const newGroup = (values: string): Group => ({ values, letters: undefined, rate: undefined, isOdd: false })

/** PHP's client writes `#` before each tag, some a space. */
const dogstatsdTags = (section: string): readonly (readonly [string, string])[] =>
  section.split(',').flatMap((each) => {
    const tag = each.trim().replace(/^#/, '')
    if (tag === '') return []
    const colon = tag.indexOf(':')
    return colon === -1 ? [[tag, ''] as const] : [[tag.slice(0, colon), tag.slice(colon + 1)] as const]
  })

const splitName = (text: string): Pick<Line, 'name' | 'tags'> | Malformed => {
  const open = text.indexOf('[')
  const close = text.indexOf(']', open)
  if (open !== -1 && close !== -1 && text.slice(open, close).includes('='))
    return withTags(text.slice(0, open) + text.slice(close + 1), text.slice(open + 1, close).split(','))
  const start = text.search(/[,;#]/)
  if (start === -1) return { name: text, tags: [] }
  return withTags(text.slice(0, start), text.slice(start + 1).split(text[start] === ';' ? ';' : ','))
}

const withTags = (name: string, texts: readonly string[]): Pick<Line, 'name' | 'tags'> | Malformed => {
  const tags: (readonly [string, string])[] = []
  for (const text of texts) {
    if (text === '') continue
    const equals = text.indexOf('=')
    if (equals === -1) return 'bad-tags'
    tags.push([text.slice(0, equals), text.slice(equals + 1)])
  }
  return { name, tags }
}
