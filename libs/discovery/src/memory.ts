import {
  type Cancel,
  DiscoveryError,
  type Instance,
  type Registrar,
  type Registration,
  type Resolver,
} from './ports.ts'

interface Watcher {
  readonly service: string
  readonly onChange: (instances: readonly Instance[]) => void
}

/**
 * A registry in this process, for all-in-one and for tests. What it says is always true of it, so its empty answer means that
 * there is none. Two of them know nothing of each other.
 */
export const memoryDiscovery = (): Registrar & Resolver => {
  const instances = new Map<string, Instance>()
  const watchers = new Set<Watcher>()

  const found = (service: string): readonly Instance[] =>
    [...instances.values()].filter((instance) => instance.service === service)

  /** Each in its own microtask: an error of one watcher is uncaught, and the others are still told. */
  const tell = (watcher: Watcher): void => {
    queueMicrotask(() => {
      if (watchers.has(watcher)) watcher.onChange(found(watcher.service))
    })
  }
  const changed = (service: string): void => {
    for (const watcher of watchers) if (watcher.service === service) tell(watcher)
  }

  const register = async (instance: Instance): Promise<Registration> => {
    const { id, service } = instance
    if (instances.has(id)) throw new DiscoveryError(`instance ${id} is registered already: give each its own id`)
    const own = Object.freeze({ ...instance })
    instances.set(id, own)
    changed(service)
    return {
      deregister: async () => {
        if (instances.get(id) !== own) return
        instances.delete(id)
        changed(service)
      },
    }
  }

  const watch = (service: string, onChange: Watcher['onChange']): Cancel => {
    const watcher = { service, onChange }
    watchers.add(watcher)
    tell(watcher)
    return () => void watchers.delete(watcher)
  }

  return { register, resolve: async (service) => found(service), watch }
}
