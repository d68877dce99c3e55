/** One running copy of a service. */
export interface Instance {
  /** Unique among all instances: `search-service-7f3a`. */
  readonly id: string
  /** The name it is found by: `search-service`. */
  readonly service: string
  readonly host: string
  readonly port: number
  readonly tags?: readonly string[]
  readonly meta?: Readonly<Record<string, string>>
}

/** Tells others of an instance. */
export interface Registrar {
  /**
   * Resolves when resolvers can find the instance, or, for a registry beyond a network, when that takes too long: it is then tried
   * on, so that a service starts without its registry. Rejects with DiscoveryError when its id is registered already.
   */
  register(instance: Instance): Promise<Registration>
}

export interface Registration {
  /** Resolves when resolvers no longer find the instance. Safe to call twice. */
  deregister(): Promise<void>
}

/** Finds the instances of a service. */
export interface Resolver {
  /**
   * The instances there are now, in no particular order; empty when the registry knows of none. Rejects with DiscoveryError
   * when it cannot tell.
   */
  resolve(service: string): Promise<readonly Instance[]>
  /**
   * Calls `onChange` with the instances soon, though never before `watch` returned, and again after each change, until
   * cancelled. `onFault` is told when the answer cannot be had; what was known stays in force and the watch goes on.
   */
  watch(service: string, onChange: (instances: readonly Instance[]) => void, onFault?: (fault: unknown) => void): Cancel
}

/** Ends it; nothing is called after that. Safe to call twice. */
export type Cancel = () => void

/** The registry refused, or could not tell. The message names what was asked for and what to do. */
export class DiscoveryError extends Error {
  override readonly name = 'DiscoveryError'
}
