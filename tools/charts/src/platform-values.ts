import { format } from 'prettier'
import { isMap, isPair, isScalar, type Pair, parse, parseDocument, type YAMLMap } from 'yaml'

/** A value of the umbrella chart: what values.yaml says of it, in the comment before its key. */
export interface DocumentedValue {
  /** With `*` for the name of a backend where all have it. */
  readonly path: string
  readonly defaultValue: string
  /** Undefined: nothing is said. */
  readonly what: string | undefined
}

/**
 * The leaves of values.yaml in their order. Values that backends share are described once, where the first of them has them, and are listed once.
 */
export const documentedValues = (yaml: string, backends: readonly string[]): readonly DocumentedValue[] => {
  const leaves = leavesOf(parseDocument(yaml).contents as YAMLMap, '')
  const shared = new Map<string, DocumentedValue[]>()
  for (const leaf of leaves) {
    const general = generalPath(leaf.path, backends)
    shared.set(general, [...(shared.get(general) ?? []), leaf])
  }
  return [...shared].flatMap(([path, same]) => {
    const [first] = same
    const what = same.find((leaf) => leaf.what !== undefined)?.what
    const own = same.filter((leaf) => leaf.what !== undefined)
    if (first === undefined) return []
    if (same.length === 1) return [{ ...first, what }]
    if (own.length > 1) return same.map((leaf) => ({ ...leaf, what: leaf.what ?? what }))
    const defaults = [...new Set(same.map(({ defaultValue }) => defaultValue))]
    return [{ path, defaultValue: defaults.length === 1 ? (defaults[0] ?? '') : '(by backend)', what }]
  })
}

const generalPath = (path: string, backends: readonly string[]): string => {
  const [top, backend = '', ...rest] = path.split('.')
  return top === 'backends' && backends.includes(backend) ? ['backends', '*', ...rest].join('.') : path
}

const leavesOf = (map: YAMLMap, prefix: string): DocumentedValue[] =>
  map.items.flatMap((pair) => {
    if (!isPair(pair) || !isScalar(pair.key)) return []
    const path = `${prefix}${String(pair.key.value)}`
    const what = commentOf(map, pair)
    if (isMap(pair.value) && pair.value.items.length > 0 && !isWhole(pair.value)) {
      const leaves = leavesOf(pair.value, `${path}.`)
      return leaves.map((leaf) => ({ ...leaf, what: leaf.what ?? what }))
    }
    return [{ path, defaultValue: JSON.stringify(toJs(pair.value)), what }]
  })

/** A map on one line is one value, such as the resources of a container. */
const isWhole = (map: YAMLMap): boolean => map.flow === true

const toJs = (value: unknown): unknown =>
  isScalar(value) || isMap(value) ? (value.toJSON() as unknown) : (value as { toJSON(): unknown }).toJSON()

/** The comment before a key. The one before the first key of a map is the map's own. */
const commentOf = (map: YAMLMap, pair: Pair): string | undefined => {
  const before = isScalar(pair.key) ? pair.key.commentBefore : undefined
  const comment = before ?? (map.items[0] === pair ? map.commentBefore : undefined)
  return comment === undefined || comment === null ? undefined : comment.replaceAll(/\n */g, ' ').trim()
}

/** The table of values.md. Throws where nothing is said of a value. */
export const platformValuesTable = (values: readonly DocumentedValue[]): string => {
  const silent = values.filter(({ what }) => what === undefined).map(({ path }) => path)
  if (silent.length > 0)
    throw new Error(`values.yaml says nothing of ${silent.join(', ')}: write a comment before each`)
  const rows = values.map(({ path, defaultValue, what = '' }) => [`\`${path}\``, shown(defaultValue), what])
  return [['Value', 'Default', 'What it is'], ['---', '---', '---'], ...rows]
    .map((row) => `| ${row.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`)
    .join('\n')
}

/** values.md, as it follows from values.yaml. */
export const platformValuesPage = (yaml: string): Promise<string> => {
  const backends = Object.keys((parse(yaml) as { backends: object }).backends)
  const table = platformValuesTable(documentedValues(yaml, backends))
  const page = `# Values of the chart platform\n\nThose of an app are in the README of its chart.\n\n${table}\n`
  return format(page, { semi: false, singleQuote: true, printWidth: 120, trailingComma: 'all', parser: 'markdown' })
}

const maxShownCharacters = 80

const shown = (value: string): string => (value.length > maxShownCharacters ? '(in values.yaml)' : `\`${value}\``)
