import { nearest } from '@armature/config/nearest'
import { isMap, isNode, isPair, isScalar, LineCounter, type Document, parseDocument } from 'yaml'
import type * as z from 'zod'
import { type PipelineFile, pipelineFileSchema } from './pipeline-schema.ts'

/** Something wrong in a file of pipelines. Lines and columns begin at 1. */
export interface Problem {
  readonly line: number
  readonly column: number
  /** `pipelines[0].complete`, empty for the file as a whole. */
  readonly path: string
  readonly text: string
  /** Whether the file can be run nevertheless. */
  readonly isWarning: boolean
}

export type ReadPipelines =
  | { readonly file: PipelineFile; readonly problems: readonly Problem[] }
  | { readonly file: undefined; readonly problems: readonly Problem[] }

export const maxPipelineFileBytes = 1024 * 1024

/** Reads a file of pipelines (YAML 1.2). Never throws: all that is wrong is in `problems`, in the order of the lines. */
export const readPipelines = (source: string): ReadPipelines => {
  const lines = new LineCounter()
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset)
    return { line: Math.max(1, line), column: Math.max(1, col) }
  }
  if (Buffer.byteLength(source) > maxPipelineFileBytes)
    return failed([
      { line: 1, column: 1, path: '', text: `is longer than ${maxPipelineFileBytes} bytes`, isWarning: false },
    ])
  const document = parseDocument(source, { lineCounter: lines, prettyErrors: false })
  const syntax = document.errors.map(({ message, pos }) => ({
    ...at(pos[0]),
    path: '',
    text: message,
    isWarning: false,
  }))
  if (syntax.length > 0) return failed(syntax)
  const { value, fault } = valueOf(document)
  if (fault !== undefined) return failed([{ line: 1, column: 1, path: '', text: fault, isWarning: false }])
  const checked = pipelineFileSchema.safeParse(value)
  const problem = ({ offset, ...rest }: Located, isWarning: boolean): Problem => ({ ...at(offset), ...rest, isWarning })
  if (!checked.success)
    return failed(
      unknownKeysFirst(checked.error.issues)
        .flatMap((issue) => locate(issue, document))
        .map((found) => problem(found, false)),
    )
  const errors = clashes(checked.data, document).map((found) => problem(found, false))
  if (errors.length > 0) return failed(errors)
  return { file: checked.data, problems: doubts(checked.data, document).map((found) => problem(found, true)) }
}

const failed = (problems: readonly Problem[]): ReadPipelines => ({
  file: undefined,
  problems: problems.toSorted((one, other) => one.line - other.line || one.column - other.column),
})

/** The document as values. A few aliases are allowed, so that a small file stays a small value. */
const valueOf = (document: Document): { readonly value?: unknown; readonly fault?: string } => {
  try {
    return { value: document.toJS({ maxAliasCount: 100 }) }
  } catch (error) {
    return { fault: (error as Error).message }
  }
}

/** A wrong name explains why the right one is missing. */
const unknownKeysFirst = (issues: readonly z.core.$ZodIssue[]): z.core.$ZodIssue[] =>
  issues.toSorted((one, other) => rank(one) - rank(other))

const rank = ({ code }: z.core.$ZodIssue): number => (code === 'unrecognized_keys' ? 0 : 1)

interface Located {
  readonly offset: number
  readonly path: string
  readonly text: string
}

type Path = readonly PropertyKey[]

const locate = (issue: z.core.$ZodIssue, document: Document): Located[] => {
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey(issue.path, key, document))
  // The part of a union that fits best says more than that none fits.
  const inner = issue.code === 'invalid_union' ? closest(issue) : undefined
  if (inner !== undefined)
    return inner.flatMap((one) => locate({ ...one, path: [...issue.path, ...one.path] }, document))
  const isMissing = issue.code === 'invalid_type' && issue.path.length > 0 && document.getIn(issue.path) === undefined
  const text = isMissing ? 'is missing' : lowerFirst(issue.message)
  return [{ offset: offsetOf(issue.path, document), path: pathText(issue.path), text }]
}

/** The issues of the only part of the union that has an unknown key or lies deeper; undefined where none stands out. */
const closest = (issue: z.core.$ZodIssueInvalidUnion): readonly z.core.$ZodIssue[] | undefined => {
  const deep = issue.errors.filter((issues) => issues.some(({ path }) => path.length > 0))
  return deep.length === 1 ? deep[0] : undefined
}

const unknownKey = (path: Path, key: string, document: Document): Located => {
  const map = document.getIn(path, true)
  const pair = isMap(map) ? map.items.find((item) => isPair(item) && keyText(item.key) === key) : undefined
  const offset = isNode(pair?.key) ? pair.key.range?.[0] : undefined
  const meant = nearest(key, knownKeys(path))
  return {
    offset: offset ?? offsetOf(path, document),
    path: pathText([...path, key]),
    text: `is no key here${meant === undefined ? '' : `: did you mean ${meant}?`}`,
  }
}

const keyText = (key: unknown): unknown => (isScalar(key) ? String(key.value) : key)

/** The keys that the schema knows at a path. */
const knownKeys = (path: Path): readonly string[] => {
  let schemas: readonly z.core.$ZodType[] = [pipelineFileSchema]
  for (const part of path) schemas = schemas.flatMap((schema) => partsOf(schema, part))
  return schemas.flatMap(alternativesOf).flatMap((schema) => {
    const { def } = (schema as z.core.$ZodTypes)._zod
    return def.type === 'object' ? Object.keys(def.shape) : []
  })
}

const partsOf = (schema: z.core.$ZodType, part: PropertyKey): readonly z.core.$ZodType[] =>
  alternativesOf(schema).flatMap((one) => {
    const { def } = (one as z.core.$ZodTypes)._zod
    if (def.type === 'array') return [def.element]
    if (def.type === 'record') return [def.valueType]
    const found = def.type === 'object' ? def.shape[String(part)] : undefined
    return found === undefined ? [] : [found]
  })

const alternativesOf = (schema: z.core.$ZodType): readonly z.core.$ZodType[] => {
  const { def } = (schema as z.core.$ZodTypes)._zod
  if (def.type === 'union') return def.options.flatMap(alternativesOf)
  return def.type === 'optional' || def.type === 'default' ? alternativesOf(def.innerType) : [schema]
}

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

/** Pipelines that cannot both be in the file. */
const clashes = ({ pipelines }: PipelineFile, document: Document): Located[] =>
  pipelines.flatMap((pipeline, place) => {
    const earlier = pipelines.slice(0, place)
    const found = (key: string, text: string): Located => {
      const path = ['pipelines', place, key]
      return { offset: offsetOf(path, document), path: pathText(path), text }
    }
    if (earlier.some(({ name }) => name === pipeline.name)) return [found('name', 'is the name of an earlier pipeline')]
    const { group, messagingUrl } = pipeline.input
    const isTaken = (other: PipelineFile['pipelines'][number]) =>
      group !== undefined && other.input.group === group && other.input.messagingUrl === messagingUrl
    return earlier.some(isTaken)
      ? [found('input', 'has the group of an earlier pipeline: they would share messages')]
      : []
  })

/** Warnings: the file can be run, and may do what nobody expects. */
const doubts = ({ pipelines }: PipelineFile, document: Document): Located[] =>
  pipelines.flatMap(({ complete }, place) => {
    if (complete.periodMs !== undefined || complete.inactivityMs !== undefined) return []
    const path = ['pipelines', place, 'complete']
    const text = 'has neither periodMs nor inactivityMs: a group may wait for ever, and its messages with it'
    return [{ offset: offsetOf(path, document), path: pathText(path), text }]
  })

/** `FILE:LINE:COLUMN: error: PATH TEXT`, as editors and CI read it. */
export const problemLine = (file: string, { line, column, path, text, isWarning }: Problem): string =>
  `${file}:${line}:${column}: ${isWarning ? 'warning' : 'error'}: ${path === '' ? '' : `${path} `}${text}`
