import { isMap, isNode, isPair, isScalar, LineCounter, type Document, parseDocument } from 'yaml'
import type * as z from 'zod'
import { knownKeys, type Path } from './known-keys.ts'
import { nearest } from './nearest.ts'

/** Something wrong in a YAML file. Lines and columns begin at 1. */
export interface Problem {
  readonly line: number
  readonly column: number
  /** `pipelines[0].complete`, empty for the file as a whole. */
  readonly path: string
  readonly text: string
  /** Whether the file can be used nevertheless. */
  readonly isWarning: boolean
}

/** What `inspect` finds in a value that fits its schema. */
export interface Finding {
  /** The place in the value: `['pipelines', 0, 'name']`. */
  readonly path: Path
  /** Follows the path: `is the name of an earlier pipeline`. */
  readonly text: string
  /** Whether the file can be used nevertheless. Default false. */
  readonly isWarning?: boolean
}

export interface ReadYamlOptions<S extends z.ZodType> {
  readonly schema: S
  /** Default `maxYamlBytes`. */
  readonly maxBytes?: number
  /** Checks what no schema can say, such as two entries that clash. Called once the value fits the schema. */
  readonly inspect?: (value: z.output<S>) => readonly Finding[]
}

export type ReadYaml<T> =
  | { readonly value: T; readonly problems: readonly Problem[] }
  | { readonly value: undefined; readonly problems: readonly Problem[] }

export const maxYamlBytes = 1024 * 1024

/**
 * Reads a text of YAML 1.2, of which JSON is a part. Never throws: all that is wrong is in `problems`, in the order of the lines. There is
 * no value where one of them is no warning. The key `__proto__` is refused at any depth.
 */
export const readYaml = <S extends z.ZodType>(
  source: string,
  { schema, maxBytes = maxYamlBytes, inspect = () => [] }: ReadYamlOptions<S>,
): ReadYaml<z.output<S>> => {
  if (Buffer.byteLength(source) > maxBytes) return failed([{ ...start, text: `is longer than ${maxBytes} bytes` }])
  const lines = new LineCounter()
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset)
    return { line: Math.max(1, line), column: Math.max(1, col) }
  }
  const document = parseDocument(source, { lineCounter: lines, prettyErrors: false })
  const syntax = document.errors.map(({ message, pos }) => ({ ...start, ...at(pos[0]), text: message }))
  if (syntax.length > 0) return failed(syntax)
  const { value, fault } = valueOf(document)
  if (fault !== undefined) return failed([{ ...start, text: fault }])
  const problem = ({ path, text, isWarning = false }: Finding, offset = offsetOf(path, document)): Problem => ({
    ...at(offset),
    path: pathText(path),
    text,
    isWarning,
  })
  const harmful = harmfulKeys(value)
  if (harmful.length > 0)
    return failed(harmful.map((path) => problem({ path, text: 'is a key that is never accepted' })))
  const checked = schema.safeParse(value)
  if (!checked.success) {
    const issues = unknownKeysFirst(checked.error.issues).flatMap((issue) => locate(issue, document, schema, value))
    return failed(issues.map(({ offset, ...found }) => problem(found, offset)))
  }
  const problems = inOrder(inspect(checked.data).map((found) => problem(found)))
  const errors = problems.filter(({ isWarning }) => !isWarning)
  return errors.length > 0 ? failed(errors) : { value: checked.data, problems }
}

/** `FILE:LINE:COLUMN: error: PATH TEXT`, as editors and CI read it. */
export const problemLine = (file: string, { line, column, path, text, isWarning }: Problem): string =>
  `${file}:${line}:${column}: ${isWarning ? 'warning' : 'error'}: ${path === '' ? '' : `${path} `}${text}`

const start = { line: 1, column: 1, path: '', isWarning: false }

const inOrder = (problems: readonly Problem[]): Problem[] =>
  problems.toSorted((one, other) => one.line - other.line || one.column - other.column)

const failed = (problems: readonly Problem[]) => ({ value: undefined, problems: inOrder(problems) })

/** The document as values. A few aliases are allowed, so that a small file stays a small value. */
const valueOf = (document: Document): { readonly value?: unknown; readonly fault?: string } => {
  try {
    return { value: document.toJS({ maxAliasCount: 100 }) }
  } catch (error) {
    return { fault: (error as Error).message }
  }
}

/** The places of `__proto__`: a schema passes that key over, and code that copies the value could see another. */
const harmfulKeys = (value: unknown, path: Path = [], seen = new Set<object>()): Path[] => {
  if (typeof value !== 'object' || value === null || seen.has(value)) return []
  seen.add(value)
  const entries: readonly (readonly [string | number, unknown])[] = Array.isArray(value)
    ? value.map((item, place) => [place, item])
    : Object.entries(value)
  return entries.flatMap(([key, inner]) =>
    key === '__proto__' ? [[...path, key]] : harmfulKeys(inner, [...path, key], seen),
  )
}

/** A wrong name explains why the right one is missing. */
const unknownKeysFirst = (issues: readonly z.core.$ZodIssue[]): z.core.$ZodIssue[] =>
  issues.toSorted((one, other) => rank(one) - rank(other))

const rank = ({ code }: z.core.$ZodIssue): number => (code === 'unrecognized_keys' ? 0 : 1)

interface Located extends Finding {
  readonly offset: number
}

const locate = (issue: z.core.$ZodIssue, document: Document, schema: z.ZodType, value: unknown): Located[] => {
  const { path } = issue
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => unknownKey(path, key, document, knownKeys(schema, path, value)))
  // The part of a union that fits best says more than that none fits.
  const inner = issue.code === 'invalid_union' ? closest(issue) : undefined
  if (inner !== undefined)
    return inner.flatMap((one) => locate({ ...one, path: [...path, ...one.path] }, document, schema, value))
  const given = path.length > 0 ? document.getIn(path) : document
  const text = given === undefined && issue.code !== 'custom' ? 'is missing' : textOf(issue, given)
  return [{ offset: offsetOf(path, document), path, text }]
}

const textOf = (issue: z.core.$ZodIssue, given: unknown): string => {
  const words = wordsOf(issue)
  if (words.length === 0) return lowerFirst(issue.message)
  const meant = typeof given === 'string' ? nearest(given, words) : undefined
  return `is none of ${words.join(', ')}${meant === undefined ? '' : `: did you mean ${meant}?`}`
}

/** The words of which the value should be one. */
const wordsOf = (issue: z.core.$ZodIssue): readonly string[] => {
  if (issue.code === 'invalid_value') return issue.values.map(String)
  return issue.code === 'invalid_union' && 'options' in issue ? (issue.options ?? []).map(String) : []
}

/** The issues of the only part of the union that has an unknown key or lies deeper; undefined where none stands out. */
const closest = (issue: z.core.$ZodIssueInvalidUnion): readonly z.core.$ZodIssue[] | undefined => {
  const deep = issue.errors.filter((issues) => issues.some(({ path }) => path.length > 0))
  return deep.length === 1 ? deep[0] : undefined
}

const unknownKey = (path: Path, key: string, document: Document, known: readonly string[]): Located => {
  const map = document.getIn(path, true)
  const pair = isMap(map) ? map.items.find((item) => isPair(item) && keyText(item.key) === key) : undefined
  const offset = isNode(pair?.key) ? pair.key.range?.[0] : undefined
  const meant = nearest(key, known)
  return {
    offset: offset ?? offsetOf(path, document),
    path: [...path, key],
    text: `is no key here${meant === undefined ? '' : `: did you mean ${meant}?`}`,
  }
}

const keyText = (key: unknown): unknown => (isScalar(key) ? String(key.value) : key)

/** The offset of the value at the path, or of the nearest one around it. */
const offsetOf = (path: Path, document: Document): number => {
  for (let length = path.length; length >= 0; length--) {
    const node = length === 0 ? document.contents : document.getIn(path.slice(0, length), true)
    if (isNode(node) && node.range) return node.range[0]
  }
  return 0
}

const pathText = (path: Path): string =>
  path.reduce<string>(
    (text, part) => (typeof part === 'number' ? `${text}[${part}]` : `${text}${text === '' ? '' : '.'}${String(part)}`),
    '',
  )

const lowerFirst = (text: string): string => `${text.charAt(0).toLowerCase()}${text.slice(1)}`
