import type { KvValues } from '@armature/config/kv-source'
import type { Options } from './flags.ts'

export interface Environment {
  /** What KV gives. */
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
  const variables: Record<string, string> = {}
  const leftOut: string[] = []
  for (const [place, held] of values.entries()) {
    const path = (prefixes[place] ?? '').replaceAll(invalid, '_')
    for (const [key, value] of Object.entries(held)) {
      if (key.trim() === '') continue
      const full = noPrefix ? key : `${path}_${key}`
      const clean = sanitize ? full.replaceAll(invalid, '_') : full
      const name = upcase ? clean.toUpperCase() : clean
      if (/[=\0]/.test(name) || value.includes('\0')) leftOut.push(key)
      else variables[name] = value
    }
  }
  return { variables, leftOut }
}

const invalid = /[^a-zA-Z0-9_]/g
