import { ConfigError } from '@armature/config/faults'
import { asksForHelp, asksForVersion } from '@armature/config/flags'
import { loadConfig } from '@armature/config/load'
import { nearest } from '@armature/config/nearest'
import type { Env } from '@armature/config/process'
import type { Settings } from '@armature/config/schema'
import type { Command, ConfigOf, Given, Takes } from './command.ts'

type Commands = Readonly<Record<string, Command>>

/** What the command line asks for, before any setting is read. */
export type Asked =
  | { readonly kind: 'serve'; readonly argv: readonly string[] }
  | { readonly kind: 'command'; readonly name: string; readonly command: Command; readonly argv: readonly string[] }
  | { readonly kind: 'help'; readonly name?: string; readonly command?: Command }
  | { readonly kind: 'version' }
  | { readonly kind: 'explain'; readonly key: string | undefined; readonly argv: readonly string[] }

/**
 * The first argument may name a command or be `explain`, the first two one whose name is two words (`dlq ls`); help and version count anywhere before `--`; all else is left to the
 * settings. Throws ConfigError (64) for a word that is no command where the service itself takes no arguments.
 */
export const readCommandLine = (name: string, argv: readonly string[], commands: Commands, takes: Takes): Asked => {
  const [first = '', ...others] = argv
  const pair = argv.slice(0, 2).join(' ')
  const called = Object.hasOwn(commands, pair) ? pair : first
  const command = Object.hasOwn(commands, called) ? commands[called] : undefined
  if (asksForHelp(argv)) return command === undefined ? { kind: 'help' } : { kind: 'help', name: called, command }
  if (asksForVersion(argv)) return { kind: 'version' }
  if (command !== undefined) {
    return { kind: 'command', name: called, command, argv: argv.slice(called.split(' ').length) }
  }
  if (first === 'explain') {
    const [key, ...rest] = others
    const all = key === undefined || key.startsWith('-')
    return all ? { kind: 'explain', key: undefined, argv: others } : { kind: 'explain', key, argv: rest }
  }
  const names = [...Object.keys(commands), 'explain']
  if (first !== '' && !first.startsWith('-') && takes.positionals === undefined) {
    const ofGroup = names.filter((one) => one.startsWith(`${first} `))
    const given = ofGroup.length === 0 ? first : pair
    const meant = ofGroup.length > 0 && others.length === 0 ? undefined : nearest(given, names)
    const listed = (ofGroup.length === 0 ? names : ofGroup).join(', ')
    const fix = meant === undefined ? `the commands are ${listed}` : `did you mean ${meant}?`
    const problem = `${JSON.stringify(given.slice(0, 80))} is not a command`
    throw new ConfigError(name, [{ key: 'argument', source: 'argument 1', problem, fix }], () => '')
  }
  return { kind: 'serve', argv }
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
  takes: Takes,
): ReadSettings<S> => {
  const { positionals } = takes
  const loaded = loadConfig({ name, settings, argv, env, ...(positionals === undefined ? {} : { positionals }) })
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
