import { type Labels, type Manifest, named, ofKind } from './manifests.ts'

/** A server that the settings of an app name. */
export interface NamedServer {
  readonly host: string
  readonly port: number
  readonly protocol: 'TCP' | 'UDP'
}

interface Container {
  readonly name: string
  readonly args?: readonly string[]
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[]
  readonly envFrom?: readonly { readonly configMapRef: { readonly name: string } }[]
}
interface Pod {
  readonly containers: readonly Container[]
  readonly volumes?: readonly {
    readonly projected?: { readonly sources: readonly { readonly secret?: { readonly name: string } }[] }
  }[]
}

/** The template of a workload's pods. */
export const podOf = (workload: Manifest): { readonly labels: Labels; readonly spec: Pod } => {
  const { template } = workload.spec as {
    template: { metadata: { labels: Labels }; spec: Pod }
  }
  return { labels: template.metadata.labels, spec: template.spec }
}

const usualPorts: Readonly<Record<string, number>> = {
  'kafka:': 9092,
  'jetstream:': 4222,
  'amqp:': 5672,
  'postgres:': 5432,
  'http:': 80,
  'https:': 443,
  'redis-streams:': 6379,
}

/**
 * Every server that the settings of an app name in what was rendered: the URLs in the Secrets that its pods mount, and the addresses in the ConfigMaps
 * that are its variables.
 */
export const namedServers = (objects: readonly Manifest[], workload: Manifest): readonly NamedServer[] => {
  const { spec } = podOf(workload)
  const secrets = (spec.volumes ?? [])
    .flatMap(({ projected }) => projected?.sources ?? [])
    .flatMap(({ secret }) => secret?.name ?? [])
  const urls = [...new Set(secrets)].flatMap((name) => urlOf(objects, name) ?? [])
  const maps = new Set(
    spec.containers.flatMap(({ envFrom = [] }) => envFrom.map(({ configMapRef }) => configMapRef.name)),
  )
  const variables = ofKind(objects, 'ConfigMap').filter(({ metadata }) => maps.has(metadata.name))
  return [...urls.flatMap(serversOf), ...variables.flatMap(({ data = {} }) => serversOfVariables(data))]
}

/** The URL of a Secret: in the Secret itself, or among the arguments of the hook that makes it. Undefined: it is not of this release. */
const urlOf = (objects: readonly Manifest[], secret: string): string | undefined => {
  const written = ofKind(objects, 'Secret').find(({ metadata }) => metadata.name === secret)
  if (written !== undefined) return written.stringData?.url
  const commands = ofKind(objects, 'Job').flatMap((job) => podOf(job).spec.containers.map(({ args = [] }) => args))
  const settings = commands.filter((args) => args.includes(secret)).flat()
  return settings.find((argument) => argument.startsWith('url='))?.slice('url='.length)
}

const serversOf = (url: string): readonly NamedServer[] => {
  const [, scheme = '', hosts = ''] = /^([a-z-]+:)\/\/(?:[^@/]*@)?([^/?]*)/.exec(url) ?? []
  const usual = usualPorts[scheme]
  if (usual === undefined) throw new Error(`the scheme of ${url} is not known here: add its port`)
  return hosts.split(',').map((place) => {
    const [host = '', port] = place.split(':')
    return { host, port: port === undefined ? usual : Number(port), protocol: 'TCP' }
  })
}

const serversOfVariables = (variables: Readonly<Record<string, string>>): readonly NamedServer[] => {
  const { CONSUL_HTTP_ADDR: consul, STATSD_HOST: host, STATSD_PORT: port } = variables
  return [
    ...(consul === undefined ? [] : serversOf(consul.includes('://') ? consul : `http://${consul}`)),
    ...(host === undefined ? [] : [{ host, port: Number(port), protocol: 'UDP' as const }]),
  ]
}

/** The labels that a Service of the release selects pods by; undefined: the host is none. */
export const selectorOf = (objects: readonly Manifest[], host: string): Labels | undefined => {
  const isService = ofKind(objects, 'Service').some(({ metadata }) => metadata.name === host)
  return isService ? (named(objects, 'Service', host).spec as { selector: Labels }).selector : undefined
}
