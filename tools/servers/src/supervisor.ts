import { logged } from './program.ts'
import type { ServerKind } from './server.ts'
import type { KeptServer } from './source.ts'

export type KeptState = 'starting' | 'running' | 'failed'

/** A server, as its supervisor describes it. */
export interface Kept {
  readonly name: string
  readonly state: KeptState
  /** How many it consists of. */
  readonly nodes: number
  /** Since when it is in this state, in ISO 8601. */
  readonly since: string
  /** When it runs: its own variable and further ones. */
  readonly variables: Readonly<Record<string, string>>
  /** Why it failed, in one line. */
  readonly reason?: string
}

/** Starts servers when they are asked for, once for all who ask, and ends them. */
export interface Supervisor {
  /**
   * Resolves when it runs, or rejects with why it does not; one that failed is tried again at the next ask. `nodes` is how many it shall
   * have; without, as many as it has, else 1.
   */
  ask(name: string, nodes?: number): Promise<Kept>
  list(): readonly Kept[]
  /** Ends one, also when it has only begun to start. */
  stop(name: string): Promise<void>
  /** Ends all; what is asked for after that is refused. */
  end(): Promise<void>
}

/** How a supervisor starts servers; others in tests. */
export interface Starter {
  start(kind: ServerKind, nodes: number): Promise<KeptServer>
  /** Makes a start under way fail soon: ends its processes, in the end by force. May do nothing. */
  interrupt(name: string, byForce: boolean): void
  /** The file that what a server writes goes to. */
  logOf(name: string): string
}

const interruptEveryMs = 250
const forceAfterMs = 5_000

/** A supervisor of these kinds. */
export const supervisor = (
  kinds: Readonly<Record<string, ServerKind>>,
  { start, interrupt, logOf }: Starter,
): Supervisor => {
  const held = new Map<string, { told: Kept; started: Promise<KeptServer> }>()
  let ended = false

  const begin = (name: string, kind: ServerKind, nodes: number): Promise<KeptServer> => {
    const tell = (state: KeptState, more: Partial<Kept> = {}) => {
      if (held.get(name)?.started !== started) return
      held.set(name, { told: { name, state, nodes, since: now(), variables: {}, ...more }, started })
    }
    const started = logged(logOf(name), () => start(kind, nodes))
    held.set(name, { told: { name, state: 'starting', nodes, since: now(), variables: {} }, started })
    started.then(
      (server) => tell('running', { variables: { [kind.variable]: server.url, ...server.variables } }),
      (fault: unknown) => tell('failed', { reason: lineOf(fault) }),
    )
    return started
  }

  const stop = async (name: string): Promise<void> => {
    const entry = held.get(name)
    if (entry === undefined) return
    held.delete(name)
    const settled = entry.started.catch(() => undefined)
    if (entry.told.state === 'starting') await interrupted(name, settled)
    await (await settled)?.stop()
  }

  /** An installation starts another command when one fails, so it is interrupted until it gives up. */
  const interrupted = async (name: string, settled: Promise<unknown>): Promise<void> => {
    const begunMs = Date.now()
    const again = setInterval(() => interrupt(name, Date.now() - begunMs > forceAfterMs), interruptEveryMs)
    interrupt(name, false)
    await settled.finally(() => clearInterval(again))
  }

  return {
    ask: async (name, nodes) => {
      const kind = kinds[name]
      if (kind === undefined) throw new Error(`No such server: ${name}.`)
      if (ended) throw new Error(`${name}: the servers are being ended`)
      const known = held.get(name)
      const isHeld = known !== undefined && known.told.state !== 'failed'
      if (isHeld && nodes !== undefined && nodes !== known.told.nodes) {
        throw new Error(`${name} runs already, with ${nodesOf(known.told.nodes)}: end it first (down ${name})`)
      }
      const started = isHeld ? known.started : begin(name, kind, nodes ?? 1)
      await started
      const told = held.get(name)?.told
      if (told === undefined) throw new Error(`${name} was stopped while it started`)
      return told
    },
    list: () => [...held.values()].map(({ told }) => told),
    stop,
    end: async () => {
      ended = true
      await Promise.allSettled([...held.keys()].map(stop))
    },
  }
}

/** `1 node`, `3 nodes`. */
export const nodesOf = (count: number): string => `${count} node${count === 1 ? '' : 's'}`

const now = (): string => new Date().toISOString()

const lineOf = (fault: unknown): string =>
  (fault instanceof Error ? fault.message : String(fault)).split('\n', 1)[0] ?? ''
