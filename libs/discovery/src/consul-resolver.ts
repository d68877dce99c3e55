import { blockingQuery, type BlockingQueryOptions } from './blocking-query.ts'
import type { ConsulClient } from './consul-client.ts'
import type { Instance, Resolver } from './ports.ts'

export interface ConsulResolverOptions extends Pick<
  BlockingQueryOptions<unknown>,
  'waitMs' | 'retryMs' | 'minIntervalMs' | 'burst' | 'refillMs'
> {
  client: Pick<ConsulClient, 'instances'>
  /** Only instances with this tag. */
  tag?: string | undefined
}

/**
 * Finds instances whose checks pass by Consul's health API. A watch is one blocking query: a change arrives at once. Put
 * `lastKnownGood` around it.
 */
export const consulResolver = ({ client, tag, ...query }: ConsulResolverOptions): Resolver => {
  const tagged = tag === undefined ? {} : { tag }
  return {
    resolve: async (service) => sorted((await client.instances(service, tagged)).value),
    watch: (service, onChange, onFault) =>
      blockingQuery({
        ...query,
        ask: async (blocking) => {
          const { index, value } = await client.instances(service, { ...tagged, ...blocking })
          return { index, value: sorted(value) }
        },
        onValue: onChange,
        onFault,
      }),
  }
}

/** Consul answers in any order; the same instances are the same answer. */
const sorted = (instances: readonly Instance[]): readonly Instance[] =>
  instances.toSorted((a, b) => (a.id < b.id ? -1 : 1))
