import { createHash, randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { aptInstall } from './apt.ts'
import {
  type ClusterNode,
  type ClusterOptions,
  type NodePlace,
  nodePlaces,
  type RunningCluster,
  startCluster,
} from './cluster.ts'
import { type Environment, executable, execute, onPath } from './execute.ts'
import { freePort } from './free-port.ts'
import { type Program, startProgram } from './program.ts'
import type { ServerKind } from './server.ts'

const startDeadlineMs = 120_000
const commandDeadlineMs = 60_000
/** A node that says nothing for this long is gone for the others. */
const tickSeconds = 8
const remedy = 'install RabbitMQ 3.10 or newer (on Debian: apt-get install rabbitmq-server)'
/** Debian's wrappers in /usr/sbin want a user of their own; these do not. */
const debianFolder = '/usr/lib/rabbitmq/bin'

/** A user that may do everything in its virtual host. */
export interface RabbitmqUser {
  readonly name: string
  readonly password: string
  /** Default `/`. */
  readonly vhost?: string
}

export interface RabbitmqOptions extends ClusterOptions {
  /** PEM files: the server then also listens with TLS. It asks for a client's certificate only with `verifyPeer`. */
  readonly tls?: {
    readonly ca: string
    readonly cert: string
    readonly key: string
    readonly verifyPeer?: boolean
  }
  /** Beside `guest`. Their virtual hosts are made. */
  readonly users?: readonly RabbitmqUser[]
  /** Further lines of rabbitmq.conf. */
  readonly config?: readonly string[]
}

export interface RabbitmqNode extends ClusterNode {
  /** Runs rabbitmqctl on this node (about a second) and answers what that wrote. */
  control(...args: string[]): Promise<string>
}

export interface RunningRabbitmq extends RunningCluster<RabbitmqNode> {
  /** `amqps:`, where `tls` was given. */
  readonly tlsUrl: string | undefined
  /** Runs rabbitmqctl on its first node (about a second) and answers what that wrote. */
  control(...args: string[]): Promise<string>
}

/**
 * A RabbitMQ of this test's own on loopback, with its own epmd: PATH's or Debian's, which only root can install. Of a cluster, a node that
 * sees fewer than half of the others pauses, and one that does not answer is taken for gone after some eight seconds.
 */
export const startRabbitmq = async (options: RabbitmqOptions = {}): Promise<RunningRabbitmq> => {
  const { env = process.env, tls, users = [] } = options
  const folder = await programs(env)
  const epmdPath = await onPath(['epmd'], env)
  if (epmdPath === undefined) throw new Error(`epmd, which comes with Erlang, is not on PATH: ${remedy}`)
  const places = await nodePlaces(options)
  const data = await mkdtemp(join(tmpdir(), 'rabbitmq-test-'))
  const epmdPort = await freePort()
  const cluster = { data, name: `test-${randomBytes(4).toString('hex')}`, size: places.length }
  const home = join(data, 'home')
  await mkdir(home)
  await Promise.all([
    writeFile(
      join(data, 'definitions.json'),
      JSON.stringify(definitions([{ name: 'guest', password: 'guest' }, ...users])),
    ),
    writeFile(join(data, 'enabled_plugins'), '[].\n'),
    writeFile(join(home, '.erlang.cookie'), randomBytes(16).toString('hex'), { mode: 0o400 }),
  ])

  const shared: Environment = {
    ...env,
    HOME: home,
    ERL_EPMD_PORT: String(epmdPort),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    RABBITMQ_CONF_ENV_FILE: join(data, 'no-environment-file'),
  }

  // In the foreground, so that it ends with the test; the server starts one in the background only where none runs.
  const epmd = startProgram(epmdPath, ['-address', '127.0.0.1', '-port', String(epmdPort)], { env: shared })
  const nodeOf = (place: NodePlace) => ({
    place,
    start: async (): Promise<Program> => {
      const nodeFolder = join(data, String(place.number))
      await mkdir(nodeFolder, { recursive: true })
      await writeFile(join(nodeFolder, 'rabbitmq.conf'), configOf(options, place, cluster))
      const started = startProgram(join(folder, 'rabbitmq-server'), [], {
        env: { ...shared, ...environmentOf(cluster, place, nodeFolder) },
        cwd: nodeFolder,
      })
      try {
        await started.until(/Server startup complete/, startDeadlineMs)
        return started
      } catch (fault) {
        await started.kill()
        throw new Error(`RabbitMQ did not start: ${remedy}`, { cause: fault })
      }
    },
  })
  const running = await startCluster(places.map(nodeOf), {
    urlOf: (hosts) => `amqp://guest:guest@${hosts}`,
    data,
    // The others join it.
    firstAlone: true,
    end: () => epmd.kill(),
  })
  const controlOf =
    (number: number) =>
    (...args: string[]): Promise<string> =>
      execute(join(folder, 'rabbitmqctl'), ['-n', nodeName(cluster, number), ...args], {
        deadlineMs: commandDeadlineMs,
        env: shared,
      })
  const tlsHosts = places.map(({ inner: [tlsPort] }) => `127.0.0.1:${tlsPort}`)
  return {
    ...running,
    nodes: running.nodes.map((node, index) => ({ ...node, control: controlOf(index + 1) })),
    tlsUrl: tls === undefined ? undefined : `amqps://guest:guest@${tlsHosts.join(',')}`,
    control: controlOf(1),
  }
}

interface RabbitmqCluster {
  /** The folder of what the nodes share; each has one of its own in it. */
  readonly data: string
  readonly name: string
  readonly size: number
}

const nodeName = ({ name }: RabbitmqCluster, number: number): string => `${name}-${number}@localhost`

/** A node's rabbitmq.conf. */
const configOf = (
  { tls, config = [] }: RabbitmqOptions,
  { port, inner: [tlsPort] }: NodePlace,
  cluster: RabbitmqCluster,
): string => {
  const secure =
    tls === undefined
      ? ['listeners.ssl = none']
      : [
          `listeners.ssl.1 = 127.0.0.1:${tlsPort}`,
          `ssl_options.cacertfile = ${tls.ca}`,
          `ssl_options.certfile = ${tls.cert}`,
          `ssl_options.keyfile = ${tls.key}`,
          `ssl_options.verify = ${tls.verifyPeer === true ? 'verify_peer' : 'verify_none'}`,
          `ssl_options.fail_if_no_peer_cert = ${tls.verifyPeer === true}`,
        ]
  const joining =
    cluster.size === 1
      ? []
      : [
          'cluster_formation.peer_discovery_backend = classic_config',
          `cluster_formation.classic_config.nodes.1 = ${nodeName(cluster, 1)}`,
          'cluster_partition_handling = pause_minority',
        ]
  const lines = [
    `listeners.tcp.1 = 127.0.0.1:${port}`,
    ...secure,
    `load_definitions = ${join(cluster.data, 'definitions.json')}`,
    ...joining,
    ...config,
  ]
  return `${lines.join('\n')}\n`
}

const environmentOf = (
  cluster: RabbitmqCluster,
  { number, inner: [, distributionPort] }: NodePlace,
  folder: string,
): Environment => {
  const at = (name: string) => join(folder, name)
  return {
    RABBITMQ_NODENAME: nodeName(cluster, number),
    RABBITMQ_DIST_PORT: String(distributionPort),
    RABBITMQ_MNESIA_BASE: at('mnesia'),
    RABBITMQ_LOG_BASE: at('log'),
    RABBITMQ_LOGS: '-',
    RABBITMQ_ENABLED_PLUGINS_FILE: join(cluster.data, 'enabled_plugins'),
    RABBITMQ_CONFIG_FILE: at('rabbitmq.conf'),
    RABBITMQ_PID_FILE: at('pid'),
    RABBITMQ_FEATURE_FLAGS_FILE: at('feature_flags'),
    // Idle schedulers that spin would take the processors from everything beside it.
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: `+sbwt none +sbwtdcpu none +sbwtdio none -kernel net_ticktime ${tickSeconds}`,
  }
}

/** RabbitMQ for `npm run servers` and the fixture of tests. */
export const rabbitmq: ServerKind = {
  name: 'rabbitmq',
  variable: 'AMQP_URL',
  remedy,
  container: {
    image: 'rabbitmq:3',
    port: 5672,
    // The user guest may come from the container itself only.
    environment: { RABBITMQ_DEFAULT_USER: 'armature', RABBITMQ_DEFAULT_PASS: 'armature' },
    ready: /Server startup complete/,
    url: (host, port) => `amqp://armature:armature@${host}:${port}`,
  },
  clusters: true,
  start: startRabbitmq,
}

/** The folder of rabbitmq-server and rabbitmqctl. */
const programs = async (env: Environment): Promise<string> => {
  const find = async () => {
    if (await executable(join(debianFolder, 'rabbitmq-server'))) return debianFolder
    const path = await onPath(['rabbitmq-server'], env)
    return path === undefined ? undefined : dirname(path)
  }
  const found = await find()
  if (found !== undefined) return found
  await aptInstall('rabbitmq-server', remedy, env)
  const installed = await find()
  if (installed === undefined) throw new Error(`rabbitmq-server is not found: ${remedy}`)
  return installed
}

const definitions = (users: readonly RabbitmqUser[]) => ({
  users: users.map(({ name, password }) => ({
    name,
    password_hash: passwordHash(password),
    hashing_algorithm: 'rabbit_password_hashing_sha256',
    tags: ['administrator'],
  })),
  vhosts: [...new Set(['/', ...users.map(({ vhost = '/' }) => vhost)])].map((name) => ({ name })),
  permissions: users.map(({ name, vhost = '/' }) => ({ user: name, vhost, configure: '.*', write: '.*', read: '.*' })),
})

/** https://www.rabbitmq.com/docs/passwords#computing-password-hash */
const passwordHash = (password: string): string => {
  const salt = randomBytes(4)
  return Buffer.concat([salt, createHash('sha256').update(salt).update(password).digest()]).toString('base64')
}
