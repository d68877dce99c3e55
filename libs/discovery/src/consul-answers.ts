import type { IncomingHttpHeaders } from 'node:http'
import { DiscoveryError, type Instance } from './ports.ts'

/** The parts of an HTTP answer that are read. The body is parsed where it is JSON. */
export interface HttpAnswer {
  readonly statusCode?: number | undefined
  readonly headers: IncomingHttpHeaders
  readonly body?: unknown
}

/**
 * The index of an answer to a blocking query, which each answer of Consul has, also one that finds nothing: 200 with JSON, or 404 without a
 * body. What a proxy, an ingress or another server says in its place throws DiscoveryError: it must not erase what is known.
 */
export const indexOf = ({ statusCode, headers, body }: HttpAnswer, what: string, address: string): string => {
  const index = headers['x-consul-index']
  const isIndex = typeof index === 'string' && /^\d{1,20}$/.test(index) && BigInt(index) > 0n
  const isJson = /^application\/json\s*(?:;|$)/i.test(headers['content-type'] ?? '')
  const isWhole = statusCode === 404 ? isEmpty(body) : statusCode === 200 && isJson && Array.isArray(body)
  if (!isIndex || !isWhole) throw strange(what, address, isIndex ? undefined : 'it has no X-Consul-Index above 0')
  return index
}

/** Throws DiscoveryError unless the answer is 200 with nothing in it, as the agent's to a registration is. */
export const checkEmpty = ({ statusCode, body }: HttpAnswer, what: string, address: string): void => {
  if (statusCode !== 200 || !isEmpty(body)) throw strange(what, address)
}

const isEmpty = (body: unknown): boolean =>
  body === undefined || body === null || ((typeof body === 'string' || Buffer.isBuffer(body)) && body.length === 0)

/** The entries of `/v1/health/service/NAME`. Throws DiscoveryError for anything else. */
export const instancesOf = (body: unknown, what: string, address: string): readonly Instance[] =>
  listOf(body, what, address).map((entry) => {
    const { Service: service, Node: node } = entry as { Service?: Fields; Node?: Fields }
    const host = text(service?.['Address']) || text(node?.['Address'])
    const port = service?.['Port']
    if (service === undefined || host === '' || !isPort(port)) throw strange(what, address)
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
      const isText = typeof value === 'string' || value === null || value === undefined
      if (typeof path !== 'string' || !path.startsWith(prefix) || !isText) throw strange(what, address)
      const key = path.slice(prefix.length)
      return key === '' || key.endsWith('/') ? [] : [[key, text(value)]]
    }),
  )
}

/** The output of the one check among `/v1/agent/checks`; undefined if there is none. Throws DiscoveryError for anything else. */
export const outputOf = (body: unknown, what: string, address: string): string | undefined => {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw strange(what, address)
  const [check] = Object.values(body) as readonly (Fields | undefined)[]
  return check && text(check['Output'])
}

/** 0 = the service has none. */
const isPort = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 65_535

type Fields = Readonly<Record<string, unknown>>

const listOf = (body: unknown, what: string, address: string): readonly object[] => {
  const isList = Array.isArray(body) && body.every((entry) => typeof entry === 'object' && entry !== null)
  if (!isList) throw strange(what, address)
  return body as object[]
}

const strange = (what: string, address: string, why?: string): DiscoveryError => {
  const because = why === undefined ? '' : ` (${why})`
  return new DiscoveryError(
    `${what}: ${address} answered something else than Consul does${because}, so it is not believed. Check that CONSUL_HTTP_ADDR names an agent, and no proxy is in between`,
  )
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '')
