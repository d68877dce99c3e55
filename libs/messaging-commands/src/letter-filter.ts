import type { Letter } from './letter.ts'

/** An invalid expression. The message says what is wrong and what is right. */
export class FilterError extends Error {
  override readonly name = 'FilterError'
}

const fields: Readonly<Record<string, (letter: Letter) => string | number | undefined>> = {
  id: ({ stored }) => stored.id,
  key: ({ stored }) => stored.key,
  topic: ({ original }) => original,
  reason: ({ envelope }) => envelope?.reason,
  class: ({ envelope }) => envelope?.error,
  error: ({ envelope }) => (envelope === undefined ? undefined : errorText(envelope)),
  handler: ({ envelope }) => envelope?.handler,
  group: ({ envelope }) => envelope?.group,
  writer: ({ envelope }) => envelope?.writer,
  attempts: ({ envelope }) => envelope?.attempts,
  redrives: ({ redrives }) => redrives,
}

/** The error's class and message, as far as the envelope says them. */
export const errorText = ({ error, message }: NonNullable<Letter['envelope']>): string =>
  [error, message].filter((part) => part !== undefined && part !== '').join(': ')

const operators: Readonly<Record<string, (value: string, wanted: string) => boolean>> = {
  '=': (value, wanted) => value === wanted,
  '!=': (value, wanted) => value !== wanted,
  '~': (value, wanted) => value.toLowerCase().includes(wanted.toLowerCase()),
  '!~': (value, wanted) => !value.toLowerCase().includes(wanted.toLowerCase()),
}

const maxTerms = 20
const help = `write FIELD=VALUE (is), FIELD~TEXT (contains), != or !~ (does not), with commas between for "and"; fields: ${Object.keys(fields).join(', ')}, header.NAME`

/** One term: a field, an operator, a value, in quotes where it holds a comma. */
const term = /\s*([\w.-]+)\s*(!=|!~|=|~)\s*(?:"([^"]*)"\s*|((?![=~])[^,"]*))(,|$)/y

/**
 * The test that an expression such as `reason=timeout,error~"no such, sorry",header.tenant=eu` stands for. A field that a letter
 * lacks is empty. Throws FilterError.
 */
export const letterFilter = (expression: string): ((letter: Letter) => boolean) => {
  const tests: ((letter: Letter) => boolean)[] = []
  term.lastIndex = 0
  for (let at = 0, more = true; more; at = term.lastIndex) {
    const [matched, name = '', operator = '', quoted, bare = '', end] = term.exec(expression) ?? []
    if (matched === undefined) throw new FilterError(`${shown(expression.slice(at))} is no filter: ${help}`)
    const compare = operators[operator]
    const read = reader(name)
    if (read === undefined || compare === undefined) throw new FilterError(`${shown(name)} is no field: ${help}`)
    const wanted = quoted ?? bare.trim()
    tests.push((letter) => compare(String(read(letter) ?? ''), wanted))
    if (tests.length > maxTerms) throw new FilterError(`the filter has more than ${maxTerms} terms: leave some out`)
    more = end === ','
  }
  return (letter) => tests.every((test) => test(letter))
}

const reader = (name: string): ((letter: Letter) => string | number | undefined) | undefined => {
  if (name.startsWith('header.') && name.length > 'header.'.length) {
    const header = name.slice('header.'.length).toLowerCase()
    return ({ stored }) => (Object.hasOwn(stored.headers, header) ? stored.headers[header] : undefined)
  }
  return Object.hasOwn(fields, name) ? fields[name] : undefined
}

const shown = (text: string): string => JSON.stringify(text.slice(0, 80))
