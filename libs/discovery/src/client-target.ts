import type { ChannelOptions } from '@grpc/grpc-js'
import type { ConsulClient } from './consul-client.ts'
import { consulResolver } from './consul-resolver.ts'
import { balancingOptions, discoveryOptions } from './grpc-resolver.ts'
import { type IgnoredAnswer, lastKnownGood } from './last-known-good.ts'
import { DiscoveryError, type Resolver } from './ports.ts'
import { srvResolver } from './srv-resolver.ts'
import { staticList } from './static-list.ts'
import { parseTarget, type Target } from './target.ts'

/** The arguments of `new Client(target, credentials, options)` of grpc-js. */
export interface ClientTarget {
  readonly target: string
  readonly options: ChannelOptions
  /** Finds the same instances for others than gRPC; undefined where grpc-js itself resolves the address. */
  readonly resolver: Resolver | undefined
  /** The name to ask `resolver` for. */
  readonly service: string
}

export interface ClientTargetOptions {
  /** Needed for `consul:///SERVICE`. */
  consul?: Pick<ConsulClient, 'instances'> | undefined
  /** Called for each answer that was not believed. */
  onIgnored?: (answer: IgnoredAnswer) => void
}

/**
 * The target for grpc-js that a client's one setting names: `consul:///search-service?tag=v1` (Consul's health API),
 * `consul://127.0.0.1:8600/search-service` (Consul's DNS), `srv:///_grpc._tcp.search-service.default.svc.cluster.local`,
 * `static:///127.0.0.1:5000,127.0.0.1:5001`, `HOST:PORT`. Calls are spread by round robin, and an instance that only fails is left out for
 * a while. Nothing is asked before the first call. Throws DiscoveryError.
 */
export const createClientTarget = (text: string, { consul, onIgnored }: ClientTargetOptions = {}): ClientTarget => {
  const target = parseTarget(text)
  if (target.by === 'grpc-js')
    return { target: target.target, options: balancingOptions, resolver: undefined, service: target.target }
  const resolver = resolverOf(target, consul, onIgnored === undefined ? {} : { onIgnored })
  const { service } = target
  return { target: text, options: discoveryOptions(resolver, service), resolver, service }
}

type Found = Exclude<Target, { by: 'grpc-js' }>

const resolverOf = (
  target: Found,
  consul: ClientTargetOptions['consul'],
  keptOptions: { onIgnored?: (answer: IgnoredAnswer) => void },
): Resolver => {
  switch (target.by) {
    case 'consul health':
      if (consul === undefined)
        throw new DiscoveryError(`consul:///${target.service} needs an agent: let CONSUL_HTTP_ADDR name one`)
      return lastKnownGood(consulResolver({ client: consul, tag: target.tag }), keptOptions)
    case 'consul DNS': {
      const tag = target.tag === undefined ? '' : `${target.tag}.`
      const nameOf = (service: string): string => `${tag}${service}.service.consul`
      return lastKnownGood(srvResolver({ nameOf, servers: [target.server] }), keptOptions)
    }
    case 'srv': {
      const servers = target.server === undefined ? undefined : [target.server]
      return lastKnownGood(srvResolver({ nameOf: (name) => name, servers }), keptOptions)
    }
    case 'static':
      return staticList({ [target.service]: target.addresses })
  }
}
