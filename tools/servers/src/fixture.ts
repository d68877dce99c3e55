import { randomUUID } from 'node:crypto'
import type { Environment } from './execute.ts'
import { supervisorAt } from './supervisor-client.ts'
import { kinds, type ServerName } from './kinds.ts'
import { skipped as isSkipped, skipVariable } from './skip.ts'

/** The variable for the supervisor's folder in this run of tests; set by `npm test` and by global-setup.ts. */
export const supervisorFolderVariable = 'ARMATURE_SUPERVISOR'

/** For a hook that asks for a server: the first ask may have to install it, and build it. */
export const serverDeadlineMs = 1_800_000

/**
 * The URL of a server that the whole run shares; it starts at the first ask. A test takes names of its own there (uniqueName). A
 * URL variable that is set (`NATS_URL`) names one that runs elsewhere. Rejects with one line that names the remedy.
 */
export const serverUrl = async (name: ServerName, env: Environment = process.env): Promise<string> => {
  const { variable } = kinds[name]
  return (await serverVariables(name, env))[variable] ?? ''
}

/** The same with all variables by which it is known: for Graphite also `STATSD_HOST` and `STATSD_PORT`. */
export const serverVariables = async (name: ServerName, env: Environment = process.env): Promise<Environment> => {
  const { variable } = kinds[name]
  if (isSkipped(name, env)) {
    throw new Error(`${name} is skipped by ${skipVariable}: give this suite describe.skipIf(skipped('${name}'))`)
  }
  const given = env[variable]
  if (given !== undefined && given !== '') return env
  const folder = env[supervisorFolderVariable]
  if (folder === undefined) {
    throw new Error(
      `${name}: this run keeps no servers: add globalSetup: '@armature/servers/global-setup' to its vitest.config.ts, or set ${variable}`,
    )
  }
  return (await supervisorAt(folder).ask(name)).variables
}

/** A name that no other test uses, on a server that all share. */
export const uniqueName = (prefix: string): string => `${prefix}-${randomUUID().slice(0, 8)}`

export { skipped } from './skip.ts'
