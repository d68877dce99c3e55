import type { Environment } from './execute.ts'

/** A server that was started here, on loopback and a free port. */
export interface RunningServer {
  /** The URL of the server, in the scheme that its clients use. */
  readonly url: string
  /** Further variables by which clients are told where it is: `STATSD_PORT`. */
  readonly variables?: Readonly<Record<string, string>>
  /** Ends it at once, with SIGKILL, as a crash does; its data stay for `restart`. */
  crash(): Promise<void>
  /** Starts it again on the same port and data, after `crash`. */
  restart(): Promise<void>
  /** Ends it with all it started and removes its data. Safe to call twice, and after `crash`. */
  stop(): Promise<void>
}

export interface StartOptions {
  /** The environment in which its programs are found and run. Default: this process's. */
  readonly env?: Environment
}

/** A kind of server: what `npm run servers -- up NAME` and the test fixture start. One file each. */
export interface ServerKind {
  /** The name on the command line: `kafka`. */
  readonly name: string
  /** Names the URL of a server that runs already: `KAFKA_URL`. */
  readonly variable: string
  /** One line: what to install where it cannot be had by itself. */
  readonly remedy: string
  /** The public image that stands in where there is Docker. */
  readonly container: ContainerRecipe
  /** Whether `start` takes `nodes`. Default false. */
  readonly clusters?: boolean
  /**
   * Finds its programs on PATH or installs them (system packages by root on Debian, else into the cache folder) and starts it with empty
   * data. Rejects with one line that holds the remedy. With `nodes` it is a cluster of so many; default 1.
   */
  start(options?: StartOptions & { readonly nodes?: number }): Promise<RunningServer>
}

export interface ContainerRecipe {
  readonly image: string
  readonly port: number
  /** Variables that are to hold the host's ports of further ones: `{ STATSD_PORT: '8125/udp' }`. */
  readonly furtherPorts?: Readonly<Record<string, `${number}/${'tcp' | 'udp'}`>>
  /** Its port on the host has to be the same, since its clients are told it by the server. */
  readonly samePort?: boolean
  readonly environment?: Readonly<Record<string, string>>
  readonly command?: readonly string[]
  /** Matches a line of its log when it is ready. */
  readonly ready: RegExp
  /** How many lines have to match. Default 1. */
  readonly readyTimes?: number
  /** The URL of the container's port, mapped to this one of the host. */
  readonly url: (host: string, port: number) => string
}
