import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { formatHostPort } from '@armature/async/host-port'
import type { ConsulClient } from '@armature/discovery/consul-client'
import type { Instance, Resolver } from '@armature/discovery/ports'
import { type ChannelCredentials, type ChannelOptions, Client, status } from '@grpc/grpc-js'

/** One instance, as each of those who know of it sees it. */
export interface Finding {
  /** `HOST:PORT` */
  readonly address: string
  readonly healthApi: 'passing' | 'failing' | 'absent'
  readonly dns: 'listed' | 'absent'
  /** The status in its own health answer, or the status that the call ended with: `UNAVAILABLE`. */
  readonly call: string
  /** Undefined where all say the same. */
  readonly problem?: string
}

export interface DiagnosisOptions {
  consul: Pick<ConsulClient, 'instances'>
  dns: Pick<Resolver, 'resolve'>
  service: string
  tag?: string | undefined
  call: (address: string) => Promise<string>
}

/** Health calls under way at once. */
const maxCalls = 50

/**
 * Compares what Consul's health API, its DNS and a health call of each instance say, the instances in the order of their addresses.
 * Rejects with DiscoveryError when Consul or its DNS cannot be asked.
 */
export const diagnose = async (options: DiagnosisOptions): Promise<readonly Finding[]> => {
  const { consul, dns, service, tag, call } = options
  const tagged = tag === undefined ? {} : { tag }
  const [known, passing, listed] = await Promise.all([
    consul.instances(service, { ...tagged, failing: true }).then(({ value }) => addressesOf(value)),
    consul.instances(service, tagged).then(({ value }) => addressesOf(value)),
    dns.resolve(service).then(addressesOf),
  ])
  const addresses = [...new Set([...known, ...passing, ...listed])].toSorted()
  const findings: Finding[] = []
  for (let from = 0; from < addresses.length; from += maxCalls) {
    const some = addresses.slice(from, from + maxCalls).map(async (address): Promise<Finding> => {
      const failing = known.has(address) ? 'failing' : 'absent'
      const healthApi = passing.has(address) ? 'passing' : failing
      return judged({ address, healthApi, dns: listed.has(address) ? 'listed' : 'absent', call: await call(address) })
    })
    findings.push(...(await Promise.all(some)))
  }
  return findings
}

const serving = 'SERVING'

const judged = (seen: Omit<Finding, 'problem'>): Finding => {
  const inApi = seen.healthApi === 'passing'
  const inDns = seen.dns === 'listed'
  const serves = seen.call === serving
  if (inApi === inDns && inDns === serves) return seen
  if (inApi !== inDns)
    return { ...seen, problem: inApi ? 'DNS leaves it out' : 'DNS lists it, the health API does not' }
  return { ...seen, problem: inApi ? `does not serve: ${seen.call}` : 'serves, but no client can find it' }
}

const addressesOf = async (instances: readonly Instance[]): Promise<ReadonlySet<string>> =>
  new Set(await Promise.all(instances.map(async ({ host, port }) => formatHostPort(await numeric(host), port))))

/** An IP address for a host name; what has none stays as it is. DNS names addresses, the health API what was registered. */
export const numeric = async (host: string): Promise<string> => {
  if (isIP(host) !== 0) return host
  return lookup(host).then(
    ({ address }) => address,
    () => host,
  )
}

export interface HealthCallOptions {
  credentials: ChannelCredentials
  channel: ChannelOptions
  timeoutMs: number
}

/** `grpc.health.v1.HealthCheckResponse.ServingStatus`, the first field of the answer. */
const servingStatuses = ['UNKNOWN', serving, 'NOT_SERVING', 'SERVICE_UNKNOWN']

/** Asks an instance by the gRPC health protocol, over a connection of its own, how it is. Never rejects: a call that fails gives its status. */
export const healthCall = (
  address: string,
  { credentials, channel, timeoutMs }: HealthCallOptions,
): Promise<string> => {
  const client = new Client(address, credentials, { ...channel, 'grpc.use_local_subchannel_pool': 1 })
  const asIs = (bytes: Buffer) => bytes
  const path = '/grpc.health.v1.Health/Check'
  const { promise, resolve } = Promise.withResolvers<string>()
  client.makeUnaryRequest(path, asIs, asIs, Buffer.alloc(0), { deadline: Date.now() + timeoutMs }, (error, answer) => {
    if (error !== null) resolve(status[error.code] ?? 'UNKNOWN')
    else resolve(servingStatuses[answer?.[1] ?? 0] ?? 'UNKNOWN')
    client.close()
  })
  return promise
}
