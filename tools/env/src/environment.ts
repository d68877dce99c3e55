import type { KvValues } from '@armature/config/kv-source'
import type { Options } from './flags.ts'

export interface Environment {
  /** The values of KV. */
  readonly variables: Readonly<Record<string, string>>
  /** Keys that no environment can hold. */
  readonly leftOut: readonly string[]
}

/**
 * The variables that KV gives, by envconsul's rules: values of later prefixes win; names are sanitized, then put into capitals; a
 * name may be anything but blank, a value may be empty.
 */
export const environmentOf = (
  values: readonly KvValues[],
  { prefixes, sanitize, upcase, noPrefix }: Pick<Options, 'prefixes' | 'sanitize' | 'upcase' | 'noPrefix'>,
): Environment => {
  const variables = new Map<string, string>()
  const leftOut: string[] = []
  for (const [place, held] of values.entries()) {
    const path = (prefixes[place] ?? '').replaceAll(invalid, '_')
    for (const [key, value] of Object.entries(held)) {
      if (key.trim() === '') continue
      const full = noPrefix ? key : `${path}_${key}`
      const clean = sanitize ? full.replaceAll(invalid, '_') : full
      const name = upcase ? clean.toUpperCase() : clean
      if (canHold(name, value)) variables.set(name, value)
      else leftOut.push(key)
    }
  }
  // A map, since an object takes no text for `__proto__`.
  return { variables: Object.fromEntries(variables), leftOut }
}

const invalid = /[^a-zA-Z0-9_]/g

/** Linux has no room for more in one variable, with its name, the `=` and a zero byte (MAX_ARG_STRLEN, execve(2)). */
const maxVariableBytes = 128 * 1024

const canHold = (name: string, value: string): boolean =>
  !/[=\0]/.test(name) &&
  !value.includes('\0') &&
  Buffer.byteLength(name) + Buffer.byteLength(value) + 2 <= maxVariableBytes
