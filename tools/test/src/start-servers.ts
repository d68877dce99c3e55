import type { SupervisorClient } from '@armature/servers/supervisor-client'
import { kinds, serverNames } from '@armature/servers/kinds'

/**
 * Starts all servers that the supervisor has to start, before the time of any test begins: the first run on a machine installs and builds
 * them, which takes minutes. One that cannot be installed is reported, and fails the tests that ask for it.
 */
export const startServers = async (
  supervisor: Pick<SupervisorClient, 'ask'>,
  skipped: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  say: (line: string) => void = (line) => void process.stderr.write(`${line}\n`),
): Promise<void> => {
  const isNeeded = (name: keyof typeof kinds) => !skipped.includes(name) && (env[kinds[name].variable] ?? '') === ''
  const names = serverNames.filter(isNeeded)
  say(`starting ${names.join(', ')}`)
  await Promise.all(
    names.map((name) =>
      supervisor
        .ask(name)
        .catch((fault: unknown) => say(`${name}: ${fault instanceof Error ? fault.message : String(fault)}`)),
    ),
  )
}
