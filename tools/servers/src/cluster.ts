import { rm } from 'node:fs/promises'
import { freePort } from './free-port.ts'
import type { Program } from './program.ts'
import type { RunningServer, StartOptions } from './server.ts'

export interface ClusterOptions extends StartOptions {
  /** The client port of a server of one node, for one that takes the place of another. Default: a free port. */
  readonly port?: number
  /** How many nodes it has. Default 1: a server by itself. */
  readonly nodes?: number
  /**
   * Puts something before a node: it is given the port on which the node listens to clients, and answers the port at which clients shall
   * find it. The node's own URL, the cluster's URL and what the node tells its clients then name that one.
   */
  readonly before?: (port: number) => number | Promise<number>
}

/** One node of a cluster. */
export interface ClusterNode {
  /** This node alone, as its clients reach it. */
  readonly url: string
  readonly host: string
  /** The port for its clients. */
  readonly port: number
  /** Ends it at once, with SIGKILL; its data stay for `restart`. */
  crash(): Promise<void>
  /** Starts it again on the same ports and data, and waits until it is ready. Ends it before, if it runs. */
  restart(): Promise<void>
  /** Stops its clock, by SIGSTOP: its connections stay, and it answers nothing. */
  suspend(): void
  /** Lets a suspended node go on. */
  resume(): void
}

/** A server of one or more nodes; what it does as a whole, it does to all of them. Its `url` names all. */
export interface RunningCluster<Node extends ClusterNode = ClusterNode> extends RunningServer {
  readonly nodes: readonly Node[]
}

/** The ports of one node. */
export interface NodePlace {
  /** From 1. */
  readonly number: number
  /** The port that it listens on for clients. */
  readonly port: number
  /** The port by which clients find it: `port`, or that of a proxy before it. */
  readonly clientPort: number
  /** Further free ports, for what nodes say to each other. */
  readonly inner: readonly [number, number, number]
}

const maxNodes = 7

/** Free ports for the nodes of a cluster. Throws where `nodes` is no number of nodes. */
export const nodePlaces = async ({ nodes = 1, port: wanted, before }: ClusterOptions): Promise<NodePlace[]> => {
  if (!Number.isInteger(nodes) || nodes < 1 || nodes > maxNodes) {
    throw new Error(`a cluster of ${nodes} nodes cannot be started: give a number from 1 to ${maxNodes}`)
  }
  if (wanted !== undefined && nodes > 1) throw new Error('a port can be given to one node only: leave it out')
  const places: NodePlace[] = []
  for (let number = 1; number <= nodes; number++) {
    const port = wanted ?? (await freePort())
    const inner = [await freePort(), await freePort(), await freePort()] as const
    places.push({ number, port, clientPort: (await before?.(port)) ?? port, inner })
  }
  return places
}

/** One node: where it is and how it is started, also again. */
export interface NodeStart {
  readonly place: NodePlace
  start(): Promise<Program>
}

/**
 * Starts all nodes, the first alone when `firstAlone` says so, then waits for `ready`. Where one does not start, it ends all and removes
 * the data. `urlOf` makes a URL of a list of hosts with ports.
 */
export const startCluster = async (
  starts: readonly NodeStart[],
  options: {
    readonly urlOf: (hosts: string) => string
    /** The folder of all their data. */
    readonly data: string
    readonly firstAlone?: boolean
    /** Waits until the cluster as a whole does its work. */
    readonly ready?: () => Promise<void>
    /** Ends what runs beside the nodes. */
    readonly end?: () => Promise<void>
  },
): Promise<RunningCluster> => {
  const { urlOf, data, firstAlone = false, ready, end } = options
  const members = starts.map((start) => member(start, urlOf))
  const all = (act: (each: Member) => Promise<void>) => settled(members.map(act))
  const stop = async () => {
    await all(({ node }) => node.crash())
    await end?.()
    await rm(data, { recursive: true, force: true, maxRetries: 5 })
  }
  try {
    if (firstAlone) await members[0]?.begin()
    await settled(members.slice(firstAlone ? 1 : 0).map(({ begin }) => begin()))
    await ready?.()
  } catch (fault) {
    await stop()
    throw fault
  }
  return {
    url: urlOf(members.map(({ node: { host, port } }) => `${host}:${port}`).join(',')),
    nodes: members.map(({ node }) => node),
    crash: () => all(({ node }) => node.crash()),
    restart: async () => {
      await all(({ node }) => node.restart())
      await ready?.()
    },
    stop,
  }
}

interface Member {
  readonly node: ClusterNode
  begin(): Promise<void>
}

const member = ({ place, start }: NodeStart, urlOf: (hosts: string) => string): Member => {
  const [host, port] = ['127.0.0.1', place.clientPort]
  let program: Program | undefined
  const begin = async () => {
    program = await start()
  }
  const crash = async () => {
    await program?.kill()
    program = undefined
  }
  const node: ClusterNode = {
    url: urlOf(`${host}:${port}`),
    host,
    port,
    crash,
    restart: async () => {
      await crash()
      await begin()
    },
    suspend: () => program?.signalGroup('SIGSTOP'),
    resume: () => program?.signalGroup('SIGCONT'),
  }
  return { node, begin }
}

/** Waits for all, then rejects with the first fault. */
const settled = async (jobs: readonly Promise<void>[]): Promise<void> => {
  const outcomes = await Promise.allSettled(jobs)
  const failed = outcomes.find((outcome) => outcome.status === 'rejected')
  if (failed !== undefined) throw failed.reason
}
