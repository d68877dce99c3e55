import { type Labels, type Manifest, ofKind } from './manifests.ts'

/** One end of a connection: a pod of the namespace, or an address outside of the cluster. */
export type End = { readonly labels: Labels } | { readonly address: string }

export interface Connection {
  readonly from: End
  readonly to: End
  readonly port: number
  readonly protocol: 'TCP' | 'UDP'
}

interface Selector {
  readonly matchLabels?: Labels
}
interface Peer {
  readonly podSelector?: Selector
  readonly namespaceSelector?: unknown
  readonly ipBlock?: { readonly cidr: string }
}
interface Rule {
  readonly to?: readonly Peer[]
  readonly from?: readonly Peer[]
  readonly ports?: readonly { readonly port: number | string; readonly protocol?: string }[]
}
interface Policy {
  readonly podSelector: Selector
  readonly policyTypes: readonly string[]
  readonly ingress?: readonly Rule[]
  readonly egress?: readonly Rule[]
}

/** The port that a name stands for in a pod; undefined: it has none of that name. */
export type PortOf = (labels: Labels, name: string) => number | undefined

/**
 * Whether the policies let a connection through, as Kubernetes has it: a pod that no policy selects may do everything, any other only what a policy
 * that selects it allows, at both ends. Pods are of one namespace, so a peer with a namespaceSelector is somebody else.
 */
export const allows = (objects: readonly Manifest[], connection: Connection, portOf: PortOf): boolean => {
  const policies = ofKind(objects, 'NetworkPolicy').map(({ spec }) => spec as Policy)
  const lets = (direction: 'Ingress' | 'Egress') => {
    const [own, other] = direction === 'Egress' ? [connection.from, connection.to] : [connection.to, connection.from]
    if (!('labels' in own)) return true
    const selecting = policies.filter(
      ({ podSelector, policyTypes }) => policyTypes.includes(direction) && selects(podSelector, own.labels),
    )
    if (selecting.length === 0) return true
    return selecting
      .flatMap((policy) => (direction === 'Egress' ? policy.egress : policy.ingress) ?? [])
      .some(({ to, from, ports }) => {
        const peers = direction === 'Egress' ? to : from
        return hasPort(ports, connection, portOf) && (peers === undefined || peers.some((peer) => isPeer(peer, other)))
      })
  }
  return lets('Egress') && lets('Ingress')
}

const selects = ({ matchLabels = {} }: Selector, labels: Labels): boolean =>
  Object.entries(matchLabels).every(([name, value]) => labels[name] === value)

const isPeer = ({ podSelector, namespaceSelector, ipBlock }: Peer, end: End): boolean => {
  if ('address' in end) return ipBlock !== undefined && isWithin(ipBlock.cidr, end.address)
  return podSelector !== undefined && namespaceSelector === undefined && selects(podSelector, end.labels)
}

const hasPort = (ports: Rule['ports'], { to, port, protocol }: Connection, portOf: PortOf): boolean =>
  ports === undefined ||
  ports.some((each) => {
    const number = typeof each.port === 'number' ? each.port : 'labels' in to ? portOf(to.labels, each.port) : undefined
    return number === port && (each.protocol ?? 'TCP') === protocol
  })

const bitsOf = (address: string): number => address.split('.').reduce((bits, part) => bits * 256 + Number(part), 0)

const isWithin = (cidr: string, address: string): boolean => {
  const [network = '', length = '32'] = cidr.split('/')
  const size = 2 ** (32 - Number(length))
  return Math.floor(bitsOf(network) / size) === Math.floor(bitsOf(address) / size)
}
