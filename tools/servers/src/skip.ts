import type { Environment } from './execute.ts'
import { type ServerName, unknownNames, unknownServer } from './kinds.ts'

/** Names the servers that a run goes without: `ARMATURE_SKIP=kafka,consul`. */
export const skipVariable = 'ARMATURE_SKIP'

/**
 * The servers whose tests are skipped. Throws one line when the variable is set in CI, which must test all, or names what does
 * not exist.
 */
export const skippedServers = (env: Environment = process.env): readonly ServerName[] => {
  const words = (env[skipVariable] ?? '').split(',').flatMap((word) => (word.trim() === '' ? [] : [word.trim()]))
  if (words.length === 0) return []
  if (!['', '0', 'false'].includes(env['CI'] ?? ''))
    throw new Error(`${skipVariable} is set, but CI is too: CI tests all servers. Unset ${skipVariable}.`)
  const unknown = unknownNames(words)
  if (unknown.length > 0) throw new Error(`${skipVariable}: ${unknownServer(unknown)}`)
  return words as ServerName[]
}

/** For `describe.skipIf(skipped('kafka'))`, the one way to go without a server. */
export const skipped = (name: ServerName, env: Environment = process.env): boolean => skippedServers(env).includes(name)
