import type { Instance, Resolver } from './ports.ts'

/** An answer that was not believed. */
export interface IgnoredAnswer {
  readonly service: string
  readonly reason: 'empty' | 'failed'
  /** The number of instances that stay in use. */
  readonly kept: number
  readonly fault?: unknown
}

export interface LastKnownGood extends Resolver {
  /** States that the service is gone: the next empty answer is believed, and a failing one is a failure. */
  forget(service: string): void
}

/**
 * For a registry beyond a network. Once instances of a service are known, an empty or failing answer does not erase them: a
 * registry that lost its leader, its data or its way to us answers just so while the instances go on serving, and calling one
 * that is really gone only fails as having none would. Only another non-empty answer or `forget` replaces what is known.
 * `onIgnored` is called for each answer that was not believed, to count and log it. Knows at most `maxServices` services (the least
 * recently answered is let go).
 */
export const lastKnownGood = (
  inner: Resolver,
  {
    onIgnored = () => undefined,
    maxServices = 1_000,
  }: { onIgnored?: (answer: IgnoredAnswer) => void; maxServices?: number } = {},
): LastKnownGood => {
  const known = new Map<string, readonly Instance[]>()

  const learn = (service: string, instances: readonly Instance[]): readonly Instance[] => {
    const kept = known.get(service)
    if (instances.length === 0 && kept !== undefined) {
      onIgnored({ service, reason: 'empty', kept: kept.length })
      return kept
    }
    if (instances.length === 0) return instances
    known.delete(service)
    known.set(service, instances)
    const [oldest] = known.keys()
    if (known.size > maxServices && oldest !== undefined) known.delete(oldest)
    return instances
  }

  return {
    resolve: async (service) => {
      try {
        return learn(service, await inner.resolve(service))
      } catch (fault) {
        const kept = known.get(service)
        if (kept === undefined) throw fault
        onIgnored({ service, reason: 'failed', kept: kept.length, fault })
        return kept
      }
    },
    watch: (service, onChange, onFault) =>
      inner.watch(
        service,
        (instances) => onChange(learn(service, instances)),
        (fault) => {
          const kept = known.get(service)
          if (kept === undefined) onFault?.(fault)
          else onIgnored({ service, reason: 'failed', kept: kept.length, fault })
        },
      ),
    forget: (service) => void known.delete(service),
  }
}
