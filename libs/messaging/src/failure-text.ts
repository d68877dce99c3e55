import { redactUrl } from '@armature/config/redact'
import { UnrecoverableError } from './errors.ts'
import { TimeoutError } from './timeout.ts'

/** The text of an error in a dead letter: bounded, without credentials, and well-formed UTF-16. */
export interface FailureText {
  /** A short label for counters: the `reason` of an UnrecoverableError, `timeout`, else `failed`. */
  readonly reason: string
  /** The error's class. */
  readonly name: string
  readonly message: string
  readonly stack: string
}

export const longestReasonChars = 100
export const longestMessageChars = 1_024
export const longestStackChars = 4_096

const hidden = '$1***'
const named =
  /\b((?:password|passwd|pwd|secret|token|api[_-]?key|access[_-]?key)["']?\s{0,8}[=:]\s{0,8}["']?)[^\s"'&,;}]+/gi
const authorization = /\b((?:bearer|basic)\s{1,8})[\w.~+/=-]{8,}/gi

/** The text without the credentials of URLs, `password=...` and the like, and authorization values. */
export const redacted = (text: string): string =>
  redactUrl(text).replaceAll(named, hidden).replaceAll(authorization, hidden)

/** Cut before the expressions see it, so that a huge text costs no more than a long one. */
const bounded = (text: string, mostChars: number): string =>
  redacted(text.slice(0, mostChars * 4))
    .slice(0, mostChars)
    .toWellFormed()

const text = (value: unknown): string => {
  try {
    return String(value)
  } catch {
    return 'a value that cannot be shown'
  }
}

/** Whatever was thrown. */
export const failureText = (error: unknown): FailureText => {
  const shown = text(error instanceof Error ? error.message : error)
  const stack = error instanceof Error ? text(error.stack ?? '') : ''
  return {
    reason: bounded(reasonOf(error), longestReasonChars),
    name: bounded(error instanceof Error ? text(error.name) : typeof error, longestReasonChars),
    message: bounded(shown, longestMessageChars),
    stack: bounded(stack, longestStackChars),
  }
}

const reasonOf = (error: unknown): string => {
  if (error instanceof UnrecoverableError) return text(error.reason)
  return error instanceof TimeoutError ? 'timeout' : 'failed'
}
