import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { type Environment } from './execute.ts'

/** Undefined until asked for; then its path, or null where this system has none that can do it. */
let setpriv: string | null | undefined

/**
 * The command, tied to the process that starts it: when that ends, however it ends, the kernel sends the signal. The command keeps
 * its process id. It goes untied where there is no setpriv of util-linux (so only Linux ties), or when the program is not to be found.
 */
export const tied = (
  command: string,
  args: readonly string[],
  env: Environment,
  signal: 'KILL' | 'TERM' = 'KILL',
): readonly [string, readonly string[]] => {
  setpriv ??= find('setpriv', process.env, (path) => spawnSync(path, ['--pdeathsig', 'KILL', 'true']).status === 0)
  if (setpriv === null || find(command, env, () => true) === null) return [command, args]
  return [setpriv, ['--pdeathsig', signal, '--', command, ...args]]
}

const find = (name: string, env: Environment, good: (path: string) => boolean): string | null => {
  const paths = name.includes('/') ? [name] : (env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, name))
  return paths.find((path) => isExecutable(path) && good(path)) ?? null
}

const isExecutable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
