import { parseHostPort } from '@armature/async/host-port'
import { DiscoveryError, type Instance, type Resolver } from './ports.ts'
import { tell } from './tell.ts'

/**
 * A fixed list of addresses by service: `staticList({ 'search-service': ['127.0.0.1:5000', '[::1]:5000'] })`. Throws
 * DiscoveryError for an address that is not HOST:PORT. A service that is not listed is a fault, not an empty answer.
 */
export const staticList = (addresses: Readonly<Record<string, readonly string[]>>): Resolver => {
  const listed = new Map(
    Object.entries(addresses).map(([service, texts]) => [service, texts.map((text) => instanceOf(service, text))]),
  )
  const find = (service: string): readonly Instance[] => {
    const instances = listed.get(service)
    if (instances !== undefined) return instances
    const known = [...listed.keys()].join(', ') || 'nothing'
    throw new DiscoveryError(`${service} is not in the static list, which has ${known}: add its addresses`)
  }
  return {
    resolve: async (service) => find(service),
    watch: (service, onChange, onFault) => {
      let cancelled = false
      queueMicrotask(() => {
        if (cancelled) return
        try {
          onChange(find(service))
        } catch (fault) {
          tell(onFault, fault)
        }
      })
      return () => {
        cancelled = true
      }
    },
  }
}

const instanceOf = (service: string, address: string): Instance => {
  const place = parseHostPort(address)
  if ('problem' in place) {
    throw new DiscoveryError(`${JSON.stringify(address)} of ${service} is not HOST:PORT: ${place.problem}`)
  }
  return { id: `${service}@${address}`, service, host: place.host, port: place.port }
}
