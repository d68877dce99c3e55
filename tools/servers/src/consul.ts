import { randomUUID } from 'node:crypto'
import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { get as getPlain } from 'node:http'
import { get as getSecure } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { consulProgram, consulVersion } from './consul-build.ts'
import { freePort } from './free-port.ts'
import { serverOf, startReady } from './running.ts'
import type { RunningServer, ServerKind, StartOptions } from './server.ts'

const deadlineMs = 60_000

export interface ConsulOptions extends StartOptions {
  /** Denies all but what a token allows. Default false. */
  readonly acl?: boolean
  /** Paths of PEM files: HTTP and gRPC are then spoken over TLS only. `verifyIncoming` asks clients for a certificate of `ca`. */
  readonly tls?: {
    readonly ca: string
    readonly cert: string
    readonly key: string
    readonly verifyIncoming?: boolean
  }
  /** Further settings, as in a file of Consul's. */
  readonly settings?: Readonly<Record<string, unknown>>
}

/** Its url is that of the HTTP API: `https:` with `tls`. */
export interface RunningConsul extends RunningServer {
  readonly httpPort: number
  /** UDP and TCP. */
  readonly dnsPort: number
  readonly grpcPort: number
  /** May do everything; undefined without `acl`. */
  readonly token: string | undefined
}

/** One Consul server on loopback, its own leader; the catalogue and the keys outlive a crash. */
export const startConsul = async (options: ConsulOptions = {}): Promise<RunningConsul> => {
  const { env = process.env, acl = false, tls } = options
  const program = await consulProgram(env)
  const data = await mkdtemp(join(tmpdir(), 'consul-test-'))
  const [httpPort, dnsPort, grpcPort, serverPort, serfPort] = await freePorts(5)
  const token = acl ? randomUUID() : undefined
  const config = join(data, 'consul.json')
  const ports = { httpPort, dnsPort, grpcPort, serverPort, serfPort }
  await writeFile(config, JSON.stringify(configOf(options, data, ports, token)))
  const url = `http${tls === undefined ? '' : 's'}://127.0.0.1:${httpPort}`

  const ready = await leaderAsked(url, tls)
  const start = () => startReady(program, ['agent', '-config-file', config], { env, cwd: data, ready, deadlineMs })
  return { ...(await serverOf(url, data, start)), httpPort, dnsPort, grpcPort, token }
}

/** Consul: registry, DNS and keys. */
export const consul: ServerKind = {
  name: 'consul',
  variable: 'CONSUL_HTTP_ADDR',
  remedy: 'put consul on PATH, or install Go 1.24 or newer',
  container: {
    image: `hashicorp/consul:${consulVersion}`,
    port: 8500,
    command: ['agent', '-dev', '-client', '0.0.0.0'],
    ready: /Synced node info/,
    url: (host, port) => `http://${host}:${port}`,
  },
  start: startConsul,
}

const freePorts = async (count: 5) =>
  (await Promise.all(Array.from({ length: count }, freePort))) as [number, number, number, number, number]

const configOf = (
  { tls, settings }: ConsulOptions,
  data: string,
  ports: { httpPort: number; dnsPort: number; grpcPort: number; serverPort: number; serfPort: number },
  token: string | undefined,
) => {
  const off = -1
  const secure = tls && {
    ca_file: tls.ca,
    cert_file: tls.cert,
    key_file: tls.key,
    verify_incoming: tls.verifyIncoming ?? false,
  }
  return {
    server: true,
    bootstrap_expect: 1,
    node_name: 'test',
    data_dir: join(data, 'data'),
    bind_addr: '127.0.0.1',
    client_addr: '127.0.0.1',
    ports: {
      http: tls === undefined ? ports.httpPort : off,
      https: tls === undefined ? off : ports.httpPort,
      grpc: tls === undefined ? ports.grpcPort : off,
      grpc_tls: tls === undefined ? off : ports.grpcPort,
      dns: ports.dnsPort,
      server: ports.serverPort,
      serf_lan: ports.serfPort,
      serf_wan: off,
    },
    // Its first election, and so its start, takes a second or two instead of five.
    performance: { raft_multiplier: 1 },
    disable_update_check: true,
    ...(secure === undefined ? {} : { tls: { https: secure, grpc: secure } }),
    ...(token === undefined
      ? {}
      : { acl: { enabled: true, default_policy: 'deny', tokens: { initial_management: token, agent: token } } }),
    ...settings,
  }
}

/** Tells whether it is its own leader, so that it can be written to. */
const leaderAsked = async (url: string, tls: ConsulOptions['tls']): Promise<() => Promise<boolean>> => {
  const files = tls && { ca: await readFile(tls.ca), cert: await readFile(tls.cert), key: await readFile(tls.key) }
  const get = files === undefined ? getPlain : getSecure
  return () =>
    new Promise((resolve) => {
      // The certificate may be one that the test wants to be refused: this asks only whether Consul has started.
      get(`${url}/v1/status/leader`, { ...files, rejectUnauthorized: false }, (response) => {
        let text = ''
        response.on('data', (chunk: Buffer) => (text += chunk.toString()))
        response.on('end', () => resolve(/^"[^"]+"$/.test(text.trim())))
      }).on('error', () => resolve(false))
    })
}
