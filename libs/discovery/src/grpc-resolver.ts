import { type ChannelOptions, experimental, Metadata, status } from '@grpc/grpc-js'
import type { Cancel, Instance, Resolver } from './ports.ts'

/** The scheme of targets that are found by discovery: `discovery:///search-service`. */
export const discoveryScheme = 'discovery'

/** The channel option that holds the resolver. It is a function, since grpc-js turns the options to JSON for its trace. */
const resolverOption = 'armature.discovery_resolver'

/** The target of a gRPC client for a service: `discovery:///search-service`. */
export const discoveryTarget = (service: string): string => `${discoveryScheme}:///${service}`

/** The schemes of targets whose instances a resolver of ours finds. */
const schemes = [discoveryScheme, 'consul', 'srv', 'static'] as const

/**
 * Round robin, by grpc-js's own balancers; an instance that failed 85 of 100 calls lately (at least 10 in 5 s, with another one to take
 * over) gets none for 10 s, then longer each time, up to 5 minutes. Addresses that were found are reached directly, whatever
 * http_proxy says.
 */
export const balancingOptions: ChannelOptions = {
  'grpc.service_config': JSON.stringify({
    loadBalancingConfig: [
      {
        outlier_detection: {
          interval: { seconds: 5, nanos: 0 },
          base_ejection_time: { seconds: 10, nanos: 0 },
          max_ejection_time: { seconds: 300, nanos: 0 },
          max_ejection_percent: 50,
          failure_percentage_ejection: {
            threshold: 85,
            enforcement_percentage: 100,
            minimum_hosts: 2,
            request_volume: 10,
          },
          child_policy: [{ round_robin: {} }],
        },
      },
    ],
  }),
  'grpc.service_config_disable_resolution': 1,
  'grpc.enable_http_proxy': 0,
}

/**
 * The channel options for a target of ours: which resolver finds its instances (of `service`, else of the name that the target
 * ends with), and how calls are spread. `new SearchClient(discoveryTarget('search-service'), credentials, discoveryOptions(resolver))`
 *
 * grpc-js keeps resolver classes in one process-wide table. The class put there has no state and is the same for all: the
 * resolver comes with the options of each channel, so that several discoveries live in one process.
 */
export const discoveryOptions = (resolver: Resolver, service?: string): ChannelOptions => {
  for (const scheme of schemes) experimental.registerResolver(scheme, DiscoveryResolver)
  return { ...balancingOptions, [resolverOption]: (): Finding => ({ resolver, service }) }
}

interface Finding {
  readonly resolver: Resolver
  readonly service: string | undefined
}

/** Shaped by `ResolverConstructor` of grpc-js 1.14.7 (experimental). */
class DiscoveryResolver implements experimental.Resolver {
  readonly #target: experimental.GrpcUri
  readonly #listener: experimental.ResolverListener
  readonly #finding: Finding | undefined
  #cancel: Cancel | undefined

  constructor(target: experimental.GrpcUri, listener: experimental.ResolverListener, options: ChannelOptions) {
    this.#target = target
    this.#listener = listener
    this.#finding = (options[resolverOption] as (() => Finding) | undefined)?.()
  }

  /** A header of HTTP/2: it holds visible ASCII only. */
  static getDefaultAuthority(target: experimental.GrpcUri): string {
    return target.path.replace(/[?,].*$/, '').replaceAll(/[^\x21-\x7e]/gu, encodeURIComponent)
  }

  /** Changes come by themselves: to be asked again starts the watch, once. */
  updateResolution(): void {
    if (this.#cancel !== undefined) return
    const service = this.#finding?.service ?? this.#target.path
    if (this.#finding === undefined) {
      const missing = `${discoveryTarget(service)} needs the channel options of discoveryOptions(resolver)`
      const timer = setImmediate(() => this.#fail(missing))
      this.#cancel = () => clearImmediate(timer)
      return
    }
    this.#cancel = this.#finding.resolver.watch(
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
