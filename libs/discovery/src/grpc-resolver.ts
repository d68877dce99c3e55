import { type ChannelOptions, experimental, Metadata, status } from '@grpc/grpc-js'
import type { Cancel, Instance, Resolver } from './ports.ts'

/** The scheme of targets that are found by discovery: `discovery:///search-service`. */
export const discoveryScheme = 'discovery'

/** Where `discoveryOptions` puts the resolver. A function, since grpc-js turns the options to JSON for its trace. */
const resolverOption = 'armature.discovery_resolver'

/** The target of a gRPC client for a service: `discovery:///search-service`. */
export const discoveryTarget = (service: string): string => `${discoveryScheme}:///${service}`

/**
 * The channel options for a `discoveryTarget`: which resolver finds its instances, and round robin over them, by grpc-js's own
 * balancer. `new SearchClient(discoveryTarget('search-service'), credentials, discoveryOptions(resolver))`
 *
 * grpc-js keeps resolver classes in one process-wide table. The class put there has no state and is the same for all: the
 * resolver comes with the options of each channel, so that several discoveries live in one process.
 */
export const discoveryOptions = (resolver: Resolver): ChannelOptions => {
  experimental.registerResolver(discoveryScheme, DiscoveryResolver)
  return {
    [resolverOption]: () => resolver,
    'grpc.service_config': JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] }),
    'grpc.service_config_disable_resolution': 1,
  }
}

/** Shaped by `ResolverConstructor` of grpc-js 1.14.7 (experimental). */
class DiscoveryResolver implements experimental.Resolver {
  readonly #target: experimental.GrpcUri
  readonly #listener: experimental.ResolverListener
  readonly #resolver: Resolver | undefined
  #cancel: Cancel | undefined

  constructor(target: experimental.GrpcUri, listener: experimental.ResolverListener, options: ChannelOptions) {
    this.#target = target
    this.#listener = listener
    this.#resolver = (options[resolverOption] as (() => Resolver) | undefined)?.()
  }

  static getDefaultAuthority(target: experimental.GrpcUri): string {
    return target.path
  }

  /** Changes come by themselves: to be asked again starts the watch, once. */
  updateResolution(): void {
    if (this.#cancel !== undefined) return
    const service = this.#target.path
    if (this.#resolver === undefined) {
      const missing = `${discoveryTarget(service)} needs the channel options of discoveryOptions(resolver)`
      const timer = setImmediate(() => this.#fail(missing))
      this.#cancel = () => clearImmediate(timer)
      return
    }
    this.#cancel = this.#resolver.watch(
      service,
      (instances) => {
        this.#listener(experimental.statusOrFromValue(instances.map(endpointOf)), {}, null, '')
        // round_robin waits idle over an empty list; a failure after it makes calls fail at once.
        if (instances.length === 0) this.#fail(`no instance of ${service} is registered`)
      },
      (fault) => this.#fail(`cannot find ${service}: ${fault instanceof Error ? fault.message : String(fault)}`),
    )
  }

  destroy(): void {
    this.#cancel?.()
    this.#cancel = undefined
  }

  #fail(details: string): void {
    const error = { code: status.UNAVAILABLE, details, metadata: new Metadata() }
    this.#listener(experimental.statusOrFromError(error), {}, null, '')
  }
}

const endpointOf = ({ host, port }: Instance): experimental.Endpoint => ({ addresses: [{ host, port }] })
