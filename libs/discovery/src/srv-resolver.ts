import type { SrvRecord } from 'node:dns'
import { Resolver as DnsResolver } from 'node:dns/promises'
import { isIP } from 'node:net'
import { isDeepStrictEqual } from 'node:util'
import { formatHostPort } from '@armature/async/host-port'
import { jitterMs } from '@armature/async/jitter'
import { DiscoveryError, type Instance, type Resolver } from './ports.ts'
import { tell } from './tell.ts'

export interface SrvResolverOptions {
  /** The name to ask for a service: `search-service` to `search-service.service.consul`. */
  nameOf: (service: string) => string
  /** DNS servers, ADDRESS:PORT. Default: the machine's. */
  servers?: readonly string[] | undefined
  /** Between two questions of a watch, a random tenth more or less. Default 2 s. */
  pollMs?: number
  /** For one try of one question; there are two tries. Default 1 s. */
  timeoutMs?: number
  /** Most instances taken from one answer. Default 1,000. */
  maxInstances?: number
}

/**
 * Finds instances by DNS: SRV records for the ports (RFC 2782: those of the least priority value), A and AAAA records for the
 * addresses. Of Consul (NAME.service.consul) and of a headless Service in Kubernetes (_PORT._tcp.NAME.NAMESPACE.svc.DOMAIN) alike.
 * A name that does not exist is an empty answer, a server that fails or does not answer a DiscoveryError. Put `lastKnownGood`
 * around it.
 */
export const srvResolver = (options: SrvResolverOptions): Resolver => {
  const { nameOf, servers, pollMs = 2_000, timeoutMs = 1_000, maxInstances = 1_000 } = options
  const dns = new DnsResolver({ timeout: timeoutMs, tries: 2, maxTimeout: timeoutMs })
  if (servers !== undefined) dns.setServers([...servers])
  const place = servers === undefined ? "the machine's DNS servers" : `DNS at ${servers.join(', ')}`

  const addressesOf = async (host: string): Promise<readonly string[]> => {
    if (isIP(host) !== 0) return [host]
    const four = await unlessMissing(dns.resolve4(host))
    return four.length > 0 ? four : unlessMissing(dns.resolve6(host))
  }

  const resolve = async (service: string): Promise<readonly Instance[]> => {
    const name = nameOf(service)
    try {
      const records = (await unlessMissing(dns.resolveSrv(name))).filter(isService)
      const first = Math.min(...records.map(({ priority }) => priority))
      const targets = records.filter(({ priority }) => priority === first).slice(0, maxInstances)
      const hosts = [...new Set(targets.map((record) => record.name))]
      const found = new Map(await Promise.all(hosts.map(async (host) => [host, await addressesOf(host)] as const)))
      const instances = targets.flatMap(({ name: host, port }) =>
        (found.get(host) ?? []).map((address) => ({
          id: `${service}@${formatHostPort(address, port)}`,
          service,
          host: address,
          port,
        })),
      )
      return [...new Map(instances.map((instance) => [instance.id, instance])).values()].toSorted((a, b) =>
        a.id < b.id ? -1 : 1,
      )
    } catch (cause) {
      const code = (cause as NodeJS.ErrnoException).code ?? String(cause)
      throw new DiscoveryError(`${name}: ${place} ${reasons[code] ?? `failed (${code})`}. It is tried again`, { cause })
    }
  }

  return {
    resolve,
    watch: (service, onChange, onFault) => {
      let cancelled = false
      let timer: NodeJS.Timeout | undefined
      let known: readonly Instance[] | undefined
      const turn = async (): Promise<void> => {
        try {
          const instances = await resolve(service)
          if (!cancelled && !isDeepStrictEqual(known, instances)) {
            onChange(instances)
            known = instances
          }
        } catch (fault) {
          if (!cancelled) tell(onFault, fault)
        }
        if (!cancelled) timer = setTimeout(() => void turn(), jitterMs(0.9 * pollMs, 1.1 * pollMs))
      }
      timer = setTimeout(() => void turn(), 0)
      return () => {
        cancelled = true
        clearTimeout(timer)
      }
    },
  }
}

/** A target of "." says that the service is decidedly not there (RFC 2782). */
const isService = ({ name, port }: SrvRecord): boolean => name !== '' && name !== '.' && port > 0

/** No such name, or none of this type: an answer, not a failure. */
const unlessMissing = async <T>(asked: Promise<T[]>): Promise<T[]> => {
  try {
    return await asked
  } catch (error) {
    if (['ENOTFOUND', 'ENODATA'].includes(String((error as NodeJS.ErrnoException).code))) return []
    throw error
  }
}

const reasons: Readonly<Record<string, string>> = {
  ETIMEOUT: 'does not answer in time',
  ESERVFAIL: 'answered SERVFAIL',
  EREFUSED: 'refused to answer',
  ECONNREFUSED: 'is not there: the connection was refused',
  EBADRESP: 'answered what is no DNS message',
}
