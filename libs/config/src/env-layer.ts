import { readBounded } from './bounded-file.ts'
import { decode } from './decode.ts'
import type { Fault } from './faults.ts'
import type { Layer, LayerValue } from './layers.ts'
import type { Env } from './process.ts'
import type { Setting } from './schema.ts'

const maxSecretBytes = 64 * 1024

/** A variable that may hold a setting, and the one that may name a file with it. */
interface Form {
  readonly variable: string
  readonly fileVariable: string | undefined
}

/** The variable with the prefix before it, unless it begins with that by itself. */
export const prefixed = (prefix: string, variable: string): string =>
  variable.startsWith(prefix) ? variable : `${prefix}${variable}`

/**
 * The environment. An empty variable counts as not set. A secret may be in the file that `NAME_FILE` names. Where a setting is given with the
 * prefix, in one form or the other, its forms without the prefix do not count.
 */
export const envLayer = (settings: readonly Setting[], env: Env, prefix = ''): Layer => {
  const values = new Map<string, LayerValue>()
  const faults: Fault[] = []
  const isGiven = (variable: string | undefined) => variable !== undefined && isSet(env[variable])
  const own = new Set(
    settings.flatMap((setting) =>
      namesOf(formWith(prefix, setting)).some(isGiven) ? [subjectOf(setting, settings)] : [],
    ),
  )
  for (const setting of settings) {
    const isOwn = prefix !== '' && own.has(subjectOf(setting, settings))
    const form = isOwn ? formWith(prefix, setting) : formOf(setting)
    const { variable, fileVariable } = form
    const others = namesOf(formOf(setting)).filter((name) => isGiven(name) && !namesOf(form).includes(name))
    const ignored = others.length === 0 ? {} : { ignored: others }
    const { key, schema } = setting
    const given = env[variable]
    const path = fileVariable === undefined ? undefined : env[fileVariable]
    if (isSet(given) && isSet(path))
      faults.push({
        key,
        source: `env ${fileVariable}`,
        problem: `${variable} is set too`,
        fix: `set either ${variable} or ${fileVariable}`,
      })
    else if (isSet(path)) {
      const read = readBounded(path, maxSecretBytes)
      if ('problem' in read)
        faults.push({
          key,
          source: `env ${fileVariable}`,
          problem: `the file ${path} ${read.problem}`,
          fix: `let ${fileVariable} name a readable file with the secret`,
        })
      else {
        const text = read.text.replace(/[\r\n]+$/, '')
        values.set(key, { source: `env ${fileVariable}`, given: text, decoded: decode(schema, text), ...ignored })
      }
    } else if (isSet(given))
      values.set(key, { source: `env ${variable}`, given, decoded: decode(schema, given), ...ignored })
  }
  return { values, faults }
}

const formOf = ({ env, fileVariable }: Setting): Form => ({ variable: env, fileVariable })

const formWith = (prefix: string, { env, fileVariable }: Setting): Form => ({
  variable: prefixed(prefix, env),
  fileVariable: fileVariable === undefined ? undefined : prefixed(prefix, fileVariable),
})

const namesOf = ({ variable, fileVariable }: Form): string[] =>
  fileVariable === undefined ? [variable] : [variable, fileVariable]

/** What a variable is of: `TOKEN_FILE` that is a setting of its own is the other form of the setting `TOKEN`. */
const subjectOf = ({ env }: Setting, settings: readonly Setting[]): string => {
  const [, stem] = /^(.+)_FILE$/.exec(env) ?? []
  return settings.some((other) => other.env === stem) ? (stem as string) : env
}

const isSet = (value: string | undefined): value is string => value !== undefined && value !== ''
