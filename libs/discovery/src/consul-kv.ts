import type { KvSource, OpenKv } from '@armature/config/kv-source'
import { blockingQuery, type BlockingQueryOptions } from './blocking-query.ts'
import { type ConsulClient, createConsulClient } from './consul-client.ts'

/** Consul's KV as a source of settings: a watch is one blocking query a prefix. */
export const consulKvSource = (
  client: Pick<ConsulClient, 'values' | 'close'>,
  query: Pick<BlockingQueryOptions<unknown>, 'waitMs' | 'retryMs' | 'minIntervalMs' | 'burst' | 'refillMs'> = {},
): KvSource => ({
  watch: (prefix, onChange, onFault) =>
    blockingQuery({ ...query, ask: (options) => client.values(prefix, options), onValue: onChange, onFault }),
  close: () => client.close(),
})

/** For `run({ kv: consulKv, ... })`: the KV of the agent that CONSUL_HTTP_ADDR names, if it names one. */
export const consulKv: OpenKv = (config) => {
  const { consulHttpAddr, consulNamespace = '', consulPartition = '' } = config
  if (consulHttpAddr === undefined) return undefined
  const client = createConsulClient({ ...config, consulHttpAddr })
  return { source: consulKvSource(client), origin: [client.address, consulPartition, consulNamespace].join(' ') }
}
