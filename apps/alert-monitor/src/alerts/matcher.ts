import { RE2JS } from 're2js'
import type { Labels } from './alert.ts'

/** A test of one label: `severity="critical"`, `!=`, `=~`, `!~`. A label that is missing counts as empty. */
export interface Matcher {
  readonly name: string
  readonly value: string
  readonly isRegex: boolean
  /** False for `!=` and `!~`. */
  readonly isEqual: boolean
  matches(labels: Labels): boolean
}

/** A matcher that cannot be read, in words that follow what was given. */
export class MatcherError extends Error {
  override readonly name = 'MatcherError'
}

export const maxMatcherChars = 1_024
const maxPatternChars = 512
/** Of a compiled expression. Each may cost a step for each character, and a count such as `{1000}` copies what it counts. */
const maxInstructions = 1_000

type Written = Pick<Matcher, 'name' | 'value' | 'isRegex' | 'isEqual'>

/**
 * A matcher of its parts. An expression is one of RE2, which matches in a time linear in the text, whatever the expression; it must fit the
 * whole value. Throws MatcherError.
 */
export const createMatcher = ({ name, value, isRegex, isEqual }: Written): Matcher => {
  if (!/^[a-zA-Z_][a-zA-Z0-9_:.-]*$/.test(name))
    throw new MatcherError(`has the label name ${JSON.stringify(name.slice(0, 100))}: write letters, digits and _`)
  const fits = isRegex ? fitsPattern(value) : (text: string) => text === value
  return { name, value, isRegex, isEqual, matches: (labels) => fits(valueOf(labels, name)) === isEqual }
}

const valueOf = (labels: Labels, name: string): string => (Object.hasOwn(labels, name) ? (labels[name] ?? '') : '')

const fitsPattern = (pattern: string): ((text: string) => boolean) => {
  if (pattern.length > maxPatternChars)
    throw new MatcherError(`has an expression of more than ${maxPatternChars} characters`)
  const compiled = compiledOf(pattern)
  const instructions = compiled.programSize()
  if (instructions > maxInstructions)
    throw new MatcherError(
      `has an expression that compiles to ${instructions} instructions, more than ${maxInstructions}: write smaller counts`,
    )
  return (text) => compiled.testExact(text)
}

const compiledOf = (pattern: string): RE2JS => {
  try {
    return RE2JS.compile(pattern)
  } catch (error) {
    throw new MatcherError(`has no valid expression of RE2: ${(error as Error).message}`)
  }
}

const shape = /^\s*([^\s"=!~{},]+)\s*(=~|!~|!=|=)\s*(.*?)\s*$/s

/** Reads `name="value"`; the quotes may be left out. Throws MatcherError. */
export const parseMatcher = (text: string): Matcher => {
  if (text.length > maxMatcherChars) throw new MatcherError(`is longer than ${maxMatcherChars} characters`)
  const [, name = '', operator = '', written = ''] = shape.exec(text) ?? []
  if (operator === '')
    throw new MatcherError('is no matcher: write name="value", name!="value", name=~"expression" or name!~"expression"')
  return createMatcher({
    name,
    value: unquoted(written),
    isRegex: operator.endsWith('~'),
    isEqual: operator.startsWith('='),
  })
}

const unquoted = (written: string): string => {
  if (!written.startsWith('"')) {
    if (written.includes('"')) throw new MatcherError('has a quote within its value: put the whole value in quotes')
    return written
  }
  if (!/^"(?:[^"\\]|\\.)*"$/s.test(written)) throw new MatcherError('has a quote that is not closed, or text after it')
  return written.slice(1, -1).replaceAll(/\\(.)/gs, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped))
}

/** Reads `{a="b",c=~"d"}` or one matcher: several with commas between, in braces or without. Throws MatcherError. */
export const parseMatchers = (text: string): readonly Matcher[] => {
  const inner = /^\s*\{(.*)\}\s*$/s.exec(text)?.[1] ?? text
  return separated(inner)
    .filter((part) => part.trim() !== '')
    .map(parseMatcher)
}

/** The parts between commas that are not in quotes. */
const separated = (text: string): readonly string[] => {
  const parts = ['']
  let isQuoted = false
  let isEscaped = false
  for (const char of text) {
    if (char === ',' && !isQuoted) {
      parts.push('')
      continue
    }
    if (char === '"' && !isEscaped) isQuoted = !isQuoted
    isEscaped = char === '\\' && !isEscaped
    parts[parts.length - 1] += char
  }
  return parts
}

/** Whether the labels fit all of them. */
export const matchesAll = (matchers: readonly Matcher[], labels: Labels): boolean =>
  matchers.every((matcher) => matcher.matches(labels))

/** `name="value"`, as it is read. */
export const matcherText = ({ name, value, isRegex, isEqual }: Written): string =>
  `${name}${isRegex ? (isEqual ? '=~' : '!~') : isEqual ? '=' : '!='}${JSON.stringify(value)}`
