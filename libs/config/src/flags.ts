import type { Fault } from './faults.ts'
import { nearest } from './nearest.ts'
import { redactUrl } from './redact.ts'
import { reservedFlags, type Setting } from './schema.ts'

export interface ParsedFlags {
  /** The texts given for a setting, by its key, in order. */
  readonly values: ReadonlyMap<string, readonly string[]>
  readonly positionals: readonly string[]
  /** The arguments after `--`. */
  readonly rest: readonly string[]
  /** The value of `--config`. */
  readonly configPath: string | undefined
  readonly faults: readonly Fault[]
}

/** The arguments without a flag that a command takes, and their name in --help. */
export interface Positionals {
  /** `MESSAGE` or `FILE...` */
  readonly usage: string
  readonly min?: number
  readonly max?: number
}

const maxNameLength = 80

interface Target {
  readonly key: string
  readonly name: string
  readonly takesValue: boolean
  /** The text that stands for the flag without a value. */
  readonly implied?: string
  readonly store: (text: string) => void
}

/**
 * Splits a command line (without the program's name): `--flag VALUE`, `--flag=VALUE`, `-f VALUE`, `-fVALUE`, `-f=VALUE`;
 * for toggles `--flag`, `--no-flag`, `--flag=false`, and `-ab` for `-a -b`. `--` ends the flags.
 */
export const parseFlags = (
  argv: readonly string[],
  settings: readonly Setting[],
  positionals: Positionals = { usage: '', max: 0 },
): ParsedFlags => {
  const values = new Map<string, string[]>()
  const bare: string[] = []
  const faults: Fault[] = []
  let configPath: string | undefined
  const targets = targetsOf(settings, {
    onValue: (key, text) => values.set(key, [...(values.get(key) ?? []), text]),
    onConfigPath: (path) => void (configPath = path),
  })

  const end = argv.indexOf('--')
  const words = end === -1 ? argv : argv.slice(0, end)
  const rest = end === -1 ? [] : argv.slice(end + 1)

  const fault = (key: string, name: string, problem: string, fix: string) =>
    faults.push({ key, source: `flag ${name}`, problem, fix })

  /** Stores the flag's value. Returns true when that is the next word. */
  const apply = (target: Target, attached: string | undefined, next: string | undefined): boolean => {
    if (!target.takesValue) {
      const negatedWithValue = attached !== undefined && target.implied !== 'true'
      if (negatedWithValue) fault(target.key, target.name, 'takes no value', `pass ${target.name} alone`)
      else target.store(attached ?? target.implied ?? '')
      return false
    }
    if (attached !== undefined) {
      target.store(attached)
      return false
    }
    if (next === undefined || looksLikeFlag(next)) {
      fault(
        target.key,
        target.name,
        'has no value',
        `pass ${target.name} VALUE (${target.name}=VALUE where it begins with a dash)`,
      )
      return false
    }
    target.store(next)
    return true
  }

  /** Reports an unknown flag. Returns true when the next word is its value. */
  const unknown = (name: string, hasValue: boolean, next: string | undefined): boolean => {
    const meant = nearest(
      name,
      [...targets.keys()].filter((known) => known.startsWith('--') === name.startsWith('--')),
    )
    fault(
      name.replace(/^-+/, '').slice(0, maxNameLength),
      name.slice(0, maxNameLength),
      'is not a flag of this command',
      meant === undefined ? '--help lists the flags' : `did you mean ${meant}?`,
    )
    const mayTake = meant === undefined ? positionals.max === 0 : targets.get(meant)?.takesValue === true
    return mayTake && !hasValue && next !== undefined && !looksLikeFlag(next)
  }

  const long = (word: string, next: string | undefined): boolean => {
    const equals = word.indexOf('=')
    const name = equals === -1 ? word : word.slice(0, equals)
    const attached = equals === -1 ? undefined : word.slice(equals + 1)
    const target = targets.get(name)
    return target === undefined ? unknown(name, attached !== undefined, next) : apply(target, attached, next)
  }

  const shorts = (word: string, next: string | undefined): boolean => {
    for (let index = 1; index < word.length; index++) {
      const name = `-${word.charAt(index)}`
      const target = targets.get(name)
      const following = word.slice(index + 1)
      if (target === undefined) return unknown(name, following !== '', next)
      if (target.takesValue || following.startsWith('='))
        return apply(target, following === '' ? undefined : following.replace(/^=/, ''), next)
      apply(target, undefined, undefined)
    }
    return false
  }

  for (let index = 0; index < words.length; index++) {
    const word = words[index] as string
    const next = words[index + 1]
    if (!looksLikeFlag(word)) bare.push(word)
    else if (word.startsWith('--') ? long(word, next) : shorts(word, next)) index++
  }
  faults.push(...positionalFaults(bare, positionals))
  return { values, positionals: bare.slice(0, positionals.max), rest, configPath, faults }
}

/** Every flag that the command line may hold, by its name, with what it stores. */
const targetsOf = (
  settings: readonly Setting[],
  { onValue, onConfigPath }: { onValue: (key: string, text: string) => void; onConfigPath: (path: string) => void },
): ReadonlyMap<string, Target> => {
  const targets = new Map<string, Target>()
  for (const { key, flag, short, kind } of settings) {
    const name = `--${flag}`
    const store = (text: string) => onValue(key, text)
    const target: Target = { key, name, takesValue: kind !== 'toggle', implied: 'true', store }
    targets.set(name, target)
    if (short !== undefined) targets.set(`-${short}`, target)
    if (kind === 'toggle')
      targets.set(`--no-${flag}`, { key, name: `--no-${flag}`, takesValue: false, implied: 'false', store })
  }
  for (const [flag, short] of Object.entries(reservedFlags)) {
    const target: Target =
      flag === 'config'
        ? { key: flag, name: '--config', takesValue: true, store: onConfigPath }
        : { key: flag, name: `--${flag}`, takesValue: false, implied: '', store: () => undefined }
    targets.set(target.name, target)
    if (short !== undefined) targets.set(`-${short}`, target)
  }
  return targets
}

/** Too many arguments, or too few. */
const positionalFaults = (words: readonly string[], { min = 0, max = Infinity, usage }: Positionals): Fault[] => {
  const extra = words.slice(max === Infinity ? words.length : max).map((word, index) => ({
    key: 'argument',
    source: `argument ${max + index + 1}`,
    problem: `${JSON.stringify(redactUrl(word).slice(0, maxNameLength))} is one too many`,
    fix: max === 0 ? 'leave it out (a value follows its flag; what follows -- is passed on)' : `pass only ${usage}`,
  }))
  if (words.length >= min) return extra
  const missing = {
    key: 'argument',
    source: `argument ${words.length + 1}`,
    problem: 'is missing',
    fix: `pass ${usage}`,
  }
  return [...extra, missing]
}

const looksLikeFlag = (word: string): boolean => /^-[^\d.]/.test(word)

/** Returns true when the command line has `--help` or `-h`, whatever else it has. */
export const asksForHelp = (argv: readonly string[]): boolean => asksFor(argv, 'help')

/** Returns true when the command line has `--version` or `-V`. */
export const asksForVersion = (argv: readonly string[]): boolean => asksFor(argv, 'version')

const asksFor = (argv: readonly string[], flag: 'help' | 'version'): boolean => {
  const end = argv.indexOf('--')
  return argv
    .slice(0, end === -1 ? argv.length : end)
    .some((word) => word === `--${flag}` || word === `-${reservedFlags[flag]}`)
}
