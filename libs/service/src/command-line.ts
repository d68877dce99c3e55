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
 * The first argument may name a command or be `explain`; help and version count anywhere before `--`; all else is left to the
 * settings. Throws ConfigError (64) for a word that is no command where the service itself takes no arguments.
 */
export const readCommandLine = (name: string, argv: readonly string[], commands: Commands, takes: Takes): Asked => {
  const [first = '', ...others] = argv
  const command = Object.hasOwn(commands, first) ? commands[first] : undefined
  if (asksForHelp(argv)) return command === undefined ? { kind: 'help' } : { kind: 'help', name: first, command }
  if (asksForVersion(argv)) return { kind: 'version' }
  if (command !== undefined) return { kind: 'command', name: first, command, argv: others }
  if (first === 'explain') {
    const [key, ...rest] = others
    const all = key === undefined || key.startsWith('-')
    return all ? { kind: 'explain', key: undefined, argv: others } : { kind: 'explain', key, argv: rest }
  }
  const names = [...Object.keys(commands), 'explain']
  if (first !== '' && !first.startsWith('-') && takes.positionals === undefined) {
    const meant = nearest(first, names)
    const fix = meant === undefined ? `the commands are ${names.join(', ')}` : `did you mean ${meant}?`
    const problem = `${JSON.stringify(first.slice(0, 80))} is not a command`
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
  { positionals, rest }: Takes,
): ReadSettings<S> => {
  const loaded = loadConfig({ name, settings, argv, env, ...(positionals === undefined ? {} : { positionals }) })
  if (loaded.rest.length > 0 && rest === undefined) {
    const fault = { key: '--', source: 'argument --', problem: 'nothing may follow it', fix: 'leave out what follows' }
    throw new ConfigError(name, [fault], loaded.explain)
  }
  return loaded
}
