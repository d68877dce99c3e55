import { homedir } from 'node:os'
import { join } from 'node:path'

/** The environment as settings see it. */
export type Env = Readonly<Record<string, string | undefined>>

/** The arguments and the environment of this process. Nothing else in the workspace reads `process.env` or `process.argv`. */
export const processInput = (): { readonly argv: readonly string[]; readonly env: Env } => ({
  argv: process.argv.slice(2),
  env: process.env,
})

/** The environment for a child: this process's, without the variables that begin with the prefix. */
export const environmentWithout = (prefix: string, env: Env = process.env): Env =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith(prefix)))

/**
 * The folder of this platform for files that are expensive to make and safe to delete: `$XDG_CACHE_HOME/armature`, else
 * `~/.cache/armature`.
 */
export const cacheFolder = (env: Env = process.env): string => folder(env['XDG_CACHE_HOME'], '.cache')

/**
 * The folder of this platform for files that must survive a restart of the process and of the machine: `$XDG_STATE_HOME/armature`, else
 * `~/.local/state/armature`.
 */
export const stateFolder = (env: Env = process.env): string => folder(env['XDG_STATE_HOME'], join('.local', 'state'))

const folder = (wanted: string | undefined, atHome: string): string =>
  join(wanted === undefined || wanted === '' ? join(homedir(), atHome) : wanted, 'armature')
