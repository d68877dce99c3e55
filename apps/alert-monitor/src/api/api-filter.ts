import { RE2JS } from 're2js'
import { RequestError } from '@armature/service/http-request'
import { type Labels } from '../alerts/alert.ts'
import { matchesAll, MatcherError, parseMatchers } from '../alerts/matcher.ts'
import type { AlertModel } from './api-models.ts'

const maxFilters = 50
const maxPatternChars = 512

/** The test of labels that the parameters `filter` stand for. Throws RequestError. */
export const filterOf = (parameters: URLSearchParams): ((labels: Labels) => boolean) => {
  const filters = parameters.getAll('filter')
  if (filters.length > maxFilters)
    throw new RequestError(400, `there are more than ${maxFilters} filters: leave some out`)
  const matchers = filters.flatMap((filter) => {
    try {
      return parseMatchers(filter)
    } catch (error) {
      if (!(error instanceof MatcherError)) throw error
      throw new RequestError(400, `the filter ${JSON.stringify(filter.slice(0, 200))} ${error.message}`)
    }
  })
  return (labels) => matchesAll(matchers, labels)
}

/** Whether a name fits the parameter `receiver`, an expression of RE2 for the whole name. Throws RequestError. */
export const receiverFilterOf = (parameters: URLSearchParams): ((name: string) => boolean) => {
  const pattern = parameters.get('receiver') ?? ''
  if (pattern === '') return () => true
  if (pattern.length > maxPatternChars)
    throw new RequestError(400, `the receiver has more than ${maxPatternChars} characters: write less`)
  try {
    const compiled = RE2JS.compile(pattern)
    return (name) => compiled.testExact(name)
  } catch (error) {
    throw new RequestError(400, `the receiver is no valid expression of RE2: ${(error as Error).message}`)
  }
}

const flag = (parameters: URLSearchParams, name: string): boolean => {
  const value = parameters.get(name) ?? 'true'
  if (value === 'true' || value === 'false') return value === 'true'
  throw new RequestError(400, `${name} is neither true nor false`)
}

/** Whether an alert is asked for by `active`, `silenced` and `inhibited`, all true unless they are given. Throws RequestError. */
export const stateFilterOf = (parameters: URLSearchParams): ((alert: AlertModel) => boolean) => {
  const active = flag(parameters, 'active')
  const silenced = flag(parameters, 'silenced')
  const inhibited = flag(parameters, 'inhibited')
  return ({ status: { state, silencedBy, inhibitedBy } }) =>
    (active || state !== 'active') && (silenced || silencedBy.length === 0) && (inhibited || inhibitedBy.length === 0)
}
