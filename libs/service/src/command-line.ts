import { ConfigError } from '@armature/config/faults'
import { asksForHelp, asksForVersion } from '@armature/config/flags'
import { loadConfig } from '@armature/config/load'
import { nearest } from '@armature/config/nearest'
import type { Env } from '@armature/config/process'
import type { Settings } from '@armature/config/schema'
import type { Command, ConfigOf, Given, ServeWord, ServeWords, Takes } from './command.ts'

type Commands = Readonly<Record<string, Command>>

/** The request of a command line, before any setting is read. */
export type Asked =
  | AskedOfProgram
  | { readonly kind: 'serve'; readonly argv: readonly string[] }
  | { readonly kind: 'explain'; readonly key: string | undefined; readonly argv: readonly string[] }

/** The requests to a program that has commands only. */
export type AskedOfProgram =
  | { readonly kind: 'command'; readonly name: string; readonly command: Command; readonly argv: readonly string[] }
  | { readonly kind: 'help'; readonly name?: string; readonly command?: Command }
  | { readonly kind: 'version' }

/**
 * The first argument may name a command or be `explain`, the first two one whose name is two words (`dlq ls`); help and version count anywhere before `--`; all else is left to the
 * settings. Throws ConfigError (64) for a word that is no command where the service itself takes no arguments.
 */
export const readCommandLine = (
  name: string,
  argv: readonly string[],
  commands: Commands,
  takes: Takes & { readonly moved?: Readonly<Record<string, string>>; readonly serveWords?: ServeWords },
): Asked => {
  const elsewhere = wordsOf(argv, takes.moved ?? {})
  if (elsewhere !== undefined) throw movedCommand(name, ...elsewhere)
  const asked = askedOf(argv, commands)
  if (asked !== undefined) return asked
  const [first = '', ...others] = argv
  const word = Object.hasOwn(takes.serveWords ?? {}, first) ? takes.serveWords?.[first] : undefined
  if (word !== undefined) return { kind: 'serve', argv: withOperand(name, first, word, others) }
  if (first === 'explain') {
    const [key, ...rest] = others
    const all = key === undefined || key.startsWith('-')
    return all ? { kind: 'explain', key: undefined, argv: others } : { kind: 'explain', key, argv: rest }
  }
  if (first !== '' && !first.startsWith('-') && takes.positionals === undefined) {
    throw noCommand(name, argv, [...Object.keys(commands), ...Object.keys(takes.serveWords ?? {}), 'explain'])
  }
  return { kind: 'serve', argv }
}

/** `run FILE` as `--handlers=FILE`. */
const withOperand = (name: string, word: string, { flag, usage }: ServeWord, argv: readonly string[]): string[] => {
  const [operand, ...rest] = argv
  if (operand !== undefined && !operand.startsWith('-')) return [`--${flag}=${operand}`, ...rest]
  const fix = `write ${name} ${word} ${usage}`
  throw new ConfigError(
    name,
    [{ key: 'argument', source: 'argument 2', problem: `${usage} is missing`, fix }],
    () => '',
  )
}

/** The same for a program that has commands only. Throws ConfigError (64) where the command line names none of them. */
export const readCommand = (name: string, argv: readonly string[], commands: Commands): AskedOfProgram => {
  const asked = askedOf(argv, commands)
  if (asked !== undefined) return asked
  throw noCommand(name, argv, Object.keys(commands))
}

const askedOf = (argv: readonly string[], commands: Commands): AskedOfProgram | undefined => {
  const [called = '', command] = wordsOf(argv, commands) ?? []
  if (asksForHelp(argv)) return command === undefined ? { kind: 'help' } : { kind: 'help', name: called, command }
  if (asksForVersion(argv)) return { kind: 'version' }
  return command && { kind: 'command', name: called, command, argv: argv.slice(called.split(' ').length) }
}

/** The first two words where they are a key, else the first one where it is; with the value. */
const wordsOf = <T>(
  argv: readonly string[],
  table: Readonly<Record<string, T>>,
): [words: string, value: T] | undefined => {
  const words = [argv.slice(0, 2).join(' '), argv[0] ?? ''].find((one) => Object.hasOwn(table, one))
  const value = words === undefined ? undefined : table[words]
  return words === undefined || value === undefined ? undefined : [words, value]
}

const movedCommand = (name: string, words: string, instead: string): ConfigError => {
  const problem = `${JSON.stringify(words)} is not a command of ${name} any more`
  return new ConfigError(name, [{ key: 'argument', source: 'argument 1', problem, fix: `call ${instead}` }], () => '')
}

const noCommand = (name: string, argv: readonly string[], names: readonly string[]): ConfigError => {
  const [first = '', ...others] = argv
  const ofGroup = names.filter((one) => one.startsWith(`${first} `))
  const given = ofGroup.length === 0 ? first : argv.slice(0, 2).join(' ')
  const listed = (ofGroup.length === 0 ? names : ofGroup).join(', ')
  const meant = first === '' || (ofGroup.length > 0 && others.length === 0) ? undefined : nearest(given, names)
  const fix = meant === undefined ? `the commands are ${listed}` : `did you mean ${meant}?`
  const problem = first === '' ? 'no command is given' : `${JSON.stringify(given.slice(0, 80))} is not a command`
  return new ConfigError(name, [{ key: 'argument', source: 'argument 1', problem, fix }], () => '')
}

export interface ReadSettings<S extends Settings> extends Given {
  readonly config: ConfigOf<S>
  readonly explain: (key?: string) => string
}

/** The settings and arguments. Throws ConfigError, also for what follows `--` where nothing may. */
export const readSettings = <S extends Settings>(
  name: string,
  settings: S,
  argv: readonly string[],
  env: Env,
  takes: Takes & { readonly envPrefix?: string | undefined },
): ReadSettings<S> => {
  const { positionals, envPrefix } = takes
  const loaded = loadConfig({
    name,
    settings,
    argv,
    env,
    envPrefix,
    ...(positionals === undefined ? {} : { positionals }),
  })
  refuseRest(name, loaded, takes)
  return loaded
}

/** Throws ConfigError for what follows `--` where nothing may. */
export const refuseRest = (
  name: string,
  loaded: Pick<ReadSettings<Settings>, 'rest' | 'explain'>,
  takes: Takes,
): void => {
  if (loaded.rest.length === 0 || takes.rest !== undefined) return
  const fault = { key: '--', source: 'argument --', problem: 'nothing may follow it', fix: 'leave out what follows' }
  throw new ConfigError(name, [fault], loaded.explain)
}
