import { DiscoveryError, type Instance } from './ports.ts'

/** The entries of `/v1/health/service/NAME`. Throws DiscoveryError for anything else. */
export const instancesOf = (body: unknown, what: string, address: string): readonly Instance[] =>
  listOf(body, what, address).map((entry) => {
    const { Service: service, Node: node } = entry as { Service?: Fields; Node?: Fields }
    const host = text(service?.['Address']) || text(node?.['Address'])
    const port = service?.['Port']
    if (service === undefined || host === '' || typeof port !== 'number') throw strange(what, address)
    const { Tags: tags, Meta: meta } = service
    return {
      id: text(service['ID']),
      service: text(service['Service']),
      host,
      port,
      tags: Array.isArray(tags) ? tags.map(text) : [],
      meta: typeof meta === 'object' && meta !== null ? (meta as Record<string, string>) : {},
    }
  })

/** The entries of `/v1/kv/PREFIX?recurse`, keys without the prefix; folders left out; nothing there = no body. */
export const valuesOf = (
  body: unknown,
  prefix: string,
  what: string,
  address: string,
): Readonly<Record<string, string>> => {
  const pairs = body === undefined ? [] : listOf(body, what, address)
  return Object.fromEntries(
    pairs.flatMap((pair) => {
      const { Key: path, Value: value } = pair as Fields
      if (typeof path !== 'string') throw strange(what, address)
      const key = path.slice(prefix.length)
      return key === '' || key.endsWith('/') ? [] : [[key, text(value)]]
    }),
  )
}

/** What the one check among `/v1/agent/checks` said; undefined where there is none. Throws DiscoveryError for anything else. */
export const outputOf = (body: unknown, what: string, address: string): string | undefined => {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw strange(what, address)
  const [check] = Object.values(body) as readonly (Fields | undefined)[]
  return check && text(check['Output'])
}

type Fields = Readonly<Record<string, unknown>>

const listOf = (body: unknown, what: string, address: string): readonly object[] => {
  const isList = Array.isArray(body) && body.every((entry) => typeof entry === 'object' && entry !== null)
  if (!isList) throw strange(what, address)
  return body as object[]
}

const strange = (what: string, address: string): DiscoveryError =>
  new DiscoveryError(`${what}: ${address} answered something else than Consul does. Check CONSUL_HTTP_ADDR`)

const text = (value: unknown): string => (typeof value === 'string' ? value : '')
