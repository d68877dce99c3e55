import { EventEmitter } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { ConsulConfig } from '@armature/config/consul'
import type Consul from 'consul'
import { consulCredentials, type ConsulCredentials } from './consul-credentials.ts'
import { consulError } from './consul-error.ts'
import { boundAnswers } from './answer-bound.ts'
import { checkEmpty, indexOf, instancesOf, outputOf, valuesOf } from './consul-answers.ts'
import { DiscoveryError, type Instance } from './ports.ts'

/** When to answer: at once, or once the answer is newer than `index`, at the latest after `waitMs`. */
export interface Blocking {
  /** The index of the answer before; '0' = at once. */
  readonly index?: string
  readonly waitMs?: number
  /** Gives the request up. */
  readonly signal?: AbortSignal
}

export interface Answer<T> {
  /** To be given to the next question; a whole number as text, too large for a JavaScript number. */
  readonly index: string
  readonly value: T
}

/** The check of an instance by the agent: by the gRPC health protocol, an HTTP URL, or whether a TCP connection opens. */
export type Check =
  | { readonly grpc: string; readonly grpcusetls?: true; readonly tlsskipverify?: true }
  | { readonly http: string }
  | { readonly tcp: string }

export interface AgentRegistration extends Omit<Instance, 'host'> {
  /** Undefined = the address of the agent's node. */
  readonly host: string | undefined
  readonly check: Check
  readonly checkIntervalMs: number
  readonly checkTimeoutMs: number
  readonly deregisterAfterMs: number
}

/** One agent of Consul. Every method rejects with DiscoveryError, within its time: 5 s, or `waitMs` and a sixteenth and 3 s. */
export interface ConsulClient {
  /** Without credentials. */
  readonly address: string
  /** The instances whose checks pass, or with `failing` all of them, from any server (it need not be the leader). */
  instances(
    service: string,
    options?: Blocking & { readonly tag?: string; readonly failing?: boolean },
  ): Promise<Answer<readonly Instance[]>>
  /** Keys below the prefix, without it, and their texts; from the leader. */
  values(prefix: string, options?: Blocking): Promise<Answer<Readonly<Record<string, string>>>>
  /** Registers or replaces. */
  register(registration: AgentRegistration): Promise<void>
  /** Also of an id that the agent does not know. */
  deregister(id: string, signal?: AbortSignal): Promise<void>
  /** The last output of the agent's check of this id, empty before its first; undefined = the agent does not have this id. */
  checkOutput(id: string): Promise<string | undefined>
  /** Gives up what is under way. */
  close(): void
}

const requestTimeoutMs = 5_000
/** Consul adds up to a sixteenth to the wait, at random. */
const waitSlack = 17 / 16
const blockingSlackMs = 3_000

/**
 * The agent that `CONSUL_HTTP_ADDR` names; nothing is sent yet. The only file that knows the package `consul`. A request has a
 * connection of its own: there are few, and none can be found dead by the next.
 */
export const createConsulClient = (
  config: Partial<ConsulConfig> & { readonly consulHttpAddr: string },
): ConsulClient => {
  const address = baseUrlOf(config.consulHttpAddr)
  const closing = new AbortController()
  const { ask, askIndexed } = consulRequests(address, config, closing.signal)

  return {
    address,
    instances: async (service, options = {}) => {
      const { tag, failing = false } = options
      const query = {
        service,
        passing: !failing,
        stale: true,
        ...(tag === undefined ? {} : { tag }),
        ...blocking(options),
      }
      const what = `instances of ${service}`
      const { index, body } = await askIndexed(
        what,
        (consul, more) => consul.health.service({ ...query, ...more }),
        waitOf(options),
      )
      return { index, value: instancesOf(body, what, address) }
    },
    values: async (prefix, options = {}) => {
      const query = { key: prefix, recurse: true, ...blocking(options) }
      const what = `KV below ${prefix}`
      const { index, body } = await askIndexed(
        what,
        (consul, more) => consul.kv.get({ ...query, ...more }),
        waitOf(options),
      )
      return { index, value: valuesOf(body, prefix, what, address) }
    },
    register: async ({ id, service, host, port, tags = [], meta = {}, ...checked }) => {
      const body = {
        id,
        name: service,
        port,
        tags: [...tags],
        meta: { ...meta },
        ...(host === undefined ? {} : { address: host }),
        check: checkOf(service, checked),
      }
      const what = `registration of ${id}`
      const { response } = await ask(what, (consul, more) => consul.agent.service.register({ ...body, ...more }))
      checkEmpty(response, what, address)
    },
    deregister: async (id, signal) => {
      const what = `deregistration of ${id}`
      const waiting = signal === undefined ? {} : { signal }
      await ask(what, (consul, more) => consul.agent.service.deregister({ id, ...more }), waiting).catch(
        (error: unknown) => {
          if (!/unknown service/i.test(String(error))) throw error
        },
      )
    },
    checkOutput: async (id) => {
      const filter = `CheckID == ${JSON.stringify(`service:${id}`)}`
      const what = `check of ${id}`
      const { body } = await ask(what, (consul, more) => consul.agent.check.list({ filter, ...more }))
      return outputOf(body, what, address)
    },
    close: () => closing.abort(),
  }
}

/** Sends requests to the agent, each with the credentials of now, until `closed` is aborted. */
const consulRequests = (address: string, config: Partial<ConsulConfig>, closed: AbortSignal) => {
  const credentials = consulCredentials(config)
  let made: { readonly by: ConsulCredentials; readonly consul: Consul } | undefined

  const connect = async (): Promise<{ readonly consul: Consul; readonly token: string | undefined }> => {
    const by = credentials()
    if (made?.by !== by) made = { by, consul: await clientOf(address, by, config) }
    return { consul: made.consul, token: by.token }
  }

  /** One request: its answer with the headers, bounded in time, given up when `signal` or `close` says so. */
  const ask = async (
    what: string,
    call: (consul: Consul, options: RequestOptions) => Promise<unknown>,
    { waitMs = 0, signal }: Pick<Blocking, 'waitMs' | 'signal'> = {},
  ): Promise<{ readonly response: IncomingMessage & { readonly body?: unknown }; readonly body: unknown }> => {
    const context = Object.assign(new EventEmitter(), { includeResponse: true })
    const cancel = () => void context.emit('cancel')
    const signals = [closed, ...(signal === undefined ? [] : [signal])]
    if (signals.some(({ aborted }) => aborted)) throw new DiscoveryError(`${what} at ${address}: given up`)
    for (const one of signals) one.addEventListener('abort', cancel, { once: true })
    try {
      const { consul, token } = await connect()
      const timeout = waitMs === 0 ? requestTimeoutMs : Math.ceil(waitMs * waitSlack) + blockingSlackMs
      const answer = await call(consul, { ctx: context, timeout, ...(token === undefined ? {} : { token }) })
      const [response, body] = answer as [IncomingMessage, unknown]
      return { response, body }
    } catch (cause) {
      throw consulError(what, address, cause)
    } finally {
      for (const one of signals) one.removeEventListener('abort', cancel)
    }
  }
  /** An answer to a blocking query, with its index: only Consul's own is believed, and only a whole one. */
  const askIndexed = async (...question: Parameters<typeof ask>) => {
    const [what] = question
    const { response, body } = await ask(...question)
    if (response.headers['x-consul-results-filtered-by-acls'] === 'true') throw hiddenByAcl(what, address)
    return { index: indexOf(response, what, address), body }
  }
  return { ask, askIndexed }
}

const blocking = ({ index = '0', waitMs = 0 }: Blocking) =>
  index === '0' || waitMs === 0 ? {} : { index, wait: `${waitMs}ms` }
const waitOf = ({ index = '0', waitMs = 0, signal }: Blocking) => ({
  waitMs: index === '0' ? 0 : waitMs,
  ...(signal === undefined ? {} : { signal }),
})

/** Consul leaves out what a token may not read. That is no empty answer: it would erase what is known. */
const hiddenByAcl = (what: string, address: string): DiscoveryError =>
  new DiscoveryError(
    `${what}: Consul at ${address} leaves out what the token may not read. Give CONSUL_HTTP_TOKEN_FILE a token with rules for it (service, node or key)`,
  )

interface RequestOptions {
  ctx: EventEmitter
  timeout: number
  token?: string
}

/** The first request loads the package. A service that names no agent starts without it. */
const clientOf = async (
  address: string,
  { tls }: ConsulCredentials,
  config: Partial<ConsulConfig>,
): Promise<Consul> => {
  const [{ default: Client }, http, https] = await Promise.all([
    import('consul'),
    import('node:http'),
    import('node:https'),
  ])
  const { consulNamespace, consulPartition } = config
  const secure = address.startsWith('https:')
  const options = {
    baseUrl: `${address}/v1`,
    agent: secure ? new https.Agent(tls) : new http.Agent(),
    ...(consulNamespace === undefined ? {} : { headers: { 'x-consul-namespace': consulNamespace } }),
    ...(consulPartition === undefined ? {} : { defaults: { partition: consulPartition } }),
  }
  const client = new Client(options)
  boundAnswers(client)
  return client
}

/** The URL by the rules of Consul's own tools: HOST alone is HOST:8500, a URL without a port has that of its scheme. */
const baseUrlOf = (address: string): string => {
  const complete = /:\d+$/.test(address) ? address : `${address}:8500`
  const { protocol, host, pathname, username } = new URL(address.includes('://') ? address : `http://${complete}`)
  if (username !== '')
    throw new DiscoveryError('CONSUL_HTTP_ADDR holds credentials: give a token by CONSUL_HTTP_TOKEN_FILE instead')
  return `${protocol}//${host}${pathname.replace(/\/+$/, '')}`
}

const checkOf = (
  service: string,
  {
    check,
    checkIntervalMs,
    checkTimeoutMs,
    deregisterAfterMs,
  }: Pick<AgentRegistration, 'check' | 'checkIntervalMs' | 'checkTimeoutMs' | 'deregisterAfterMs'>,
) => ({
  name: `${service} answers`,
  ...check,
  interval: `${checkIntervalMs}ms`,
  timeout: `${checkTimeoutMs}ms`,
  deregistercriticalserviceafter: `${deregisterAfterMs}ms`,
})
