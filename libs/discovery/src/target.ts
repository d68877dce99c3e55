import { parseHostPort } from '@armature/async/host-port'
import { DiscoveryError } from './ports.ts'

/** The service that a client's setting names, and how it is found. */
export type Target =
  | { readonly by: 'consul health'; readonly service: string; readonly tag: string | undefined }
  | { readonly by: 'consul DNS'; readonly service: string; readonly tag: string | undefined; readonly server: string }
  | { readonly by: 'srv'; readonly service: string; readonly server: string | undefined }
  | { readonly by: 'static'; readonly service: string; readonly addresses: readonly string[] }
  /** Left to grpc-js: HOST:PORT, with all addresses of the host, or a socket in the file system. */
  | { readonly by: 'grpc-js'; readonly target: string }

/** Each form a target may have. */
export const targetForms = [
  'HOST:PORT',
  'dns:///HOST:PORT',
  'consul:///SERVICE?tag=TAG',
  'consul://DNS-ADDRESS:8600/SERVICE',
  'srv:///_PORT._tcp.SERVICE.NAMESPACE.svc.cluster.local',
  'static:///HOST:PORT,HOST:PORT',
  'unix:/PATH',
] as const

const dnsLabel = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i
/** Names and tags that Consul accepts: nearly all. A slash would be read as another path of its API. */
const consulName = /^[^/\p{Cc}\p{Cs}\p{Z}](?:[^/\p{Cc}\p{Cs}]{0,254}[^/\p{Cc}\p{Cs}\p{Z}])?$/u
const domainName = /^[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9.])?$/i

/** Reads a target. Throws DiscoveryError, which names the forms. */
export const parseTarget = (text: string): Target => {
  if (isAddress(text)) return { by: 'grpc-js', target: `dns:///${text}` }
  if (/^unix:/i.test(text)) return { by: 'grpc-js', target: unixTarget(text) }
  const url = URL.parse(text)
  if (url === null) throw wrong(text, 'is none of the forms')
  const { protocol, host: authority, searchParams } = url
  const name = decoded(url.pathname.replace(/^\//, ''))
  if (name === undefined) throw wrong(text, 'has a % that no escape begins with')
  const server = authority === '' ? undefined : authority
  const tag = searchParams.get('tag') ?? undefined
  const unknown = [...searchParams.keys()].find((key) => key !== 'tag' || protocol !== 'consul:')
  if (unknown !== undefined) throw wrong(text, `has the parameter ${unknown}, which is unknown`)
  if (url.username !== '' || url.password !== '') throw wrong(text, 'holds credentials, which it has no use for')
  if (server !== undefined && !isAddress(server)) throw wrong(text, `names the server ${server} without a port`)
  switch (protocol) {
    case 'dns:':
      if (!isAddress(name)) throw wrong(text, 'does not end with HOST:PORT')
      return { by: 'grpc-js', target: text }
    case 'consul:':
      if (!isConsulName(name)) throw wrong(text, 'does not end with the name of a service')
      if (tag !== undefined && !isConsulName(tag)) throw wrong(text, 'has a tag that Consul does not know')
      if (server === undefined) return { by: 'consul health', service: name, tag }
      if (!dnsLabel.test(name)) throw wrong(text, `asks DNS for ${name}, which is no DNS label: leave the server out`)
      if (tag !== undefined && !dnsLabel.test(tag))
        throw wrong(text, `asks DNS for the tag ${tag}, which is no DNS label: leave the server out`)
      return { by: 'consul DNS', service: name, tag, server }
    case 'srv:':
      if (!domainName.test(name)) throw wrong(text, 'does not end with a DNS name')
      return { by: 'srv', service: name, server }
    case 'static:': {
      const addresses = name.split(',')
      if (server !== undefined || !addresses.every(isAddress))
        throw wrong(text, 'is not a list of HOST:PORT after static:///')
      return { by: 'static', service: name, addresses }
    }
    default:
      throw wrong(text, `has the scheme ${protocol}, which is unknown`)
  }
}

/** The longest address of a socket (sun_path), without its closing NUL. */
const maxSocketPathBytes = 107

/** `unix:PATH` or `unix:///PATH`, as gRPC names them. */
const unixTarget = (text: string): string => {
  const path = text.slice('unix:'.length).replace(/^\/\/(?=\/)/, '')
  if (path === '' || path.startsWith('//')) throw wrong(text, 'has no path: two slashes would begin a host')
  if (path.includes('\0')) throw wrong(text, 'has a NUL in its path')
  if (Buffer.byteLength(path) > maxSocketPathBytes)
    throw wrong(text, `has a path of more than ${maxSocketPathBytes} bytes`)
  return `unix:${path}`
}

/** Undefined where it cannot be. */
const decoded = (path: string): string | undefined => {
  try {
    return decodeURIComponent(path)
  } catch {
    return undefined
  }
}

const isConsulName = (name: string): boolean => consulName.test(name) && name !== '.' && name !== '..'

const isAddress = (text: string): boolean => !('problem' in parseHostPort(text))

const maxShownCharacters = 120

const wrong = (text: string, problem: string): DiscoveryError => {
  const shown = JSON.stringify(text.replace(/\/\/[^/]*@/, '//***@').slice(0, maxShownCharacters))
  return new DiscoveryError(`the target ${shown} ${problem}. Write it as ${targetForms.join(', or ')}`)
}
