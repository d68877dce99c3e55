import { createHash, randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { aptInstall } from './apt.ts'
import { type Environment, executable, execute, onPath } from './execute.ts'
import { freePort } from './free-port.ts'
import { startProgram } from './program.ts'
import type { RunningServer, ServerKind, StartOptions } from './server.ts'

const startDeadlineMs = 120_000
const commandDeadlineMs = 60_000
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

export interface RabbitmqOptions extends StartOptions {
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

export interface RunningRabbitmq extends RunningServer {
  /** `amqps:`, where `tls` was given. */
  readonly tlsUrl: string | undefined
  /** Runs rabbitmqctl on it (about a second) and answers what that wrote. */
  control(...args: string[]): Promise<string>
}

/** A RabbitMQ of this test's own on loopback, with its own epmd: PATH's or Debian's, which only root can install. */
export const startRabbitmq = async ({
  env = process.env,
  tls,
  users = [],
  config = [],
}: RabbitmqOptions = {}): Promise<RunningRabbitmq> => {
  const folder = await programs(env)
  const epmdPath = await onPath(['epmd'], env)
  if (epmdPath === undefined) throw new Error(`epmd, which comes with Erlang, is not on PATH: ${remedy}`)
  const data = await mkdtemp(join(tmpdir(), 'rabbitmq-test-'))
  const [port, tlsPort, epmdPort, distributionPort] = await Promise.all([1, 2, 3, 4].map(freePort))
  const node = `test-${randomBytes(4).toString('hex')}@localhost`
  const at = (name: string) => join(data, name)

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
  const lines = [
    `listeners.tcp.1 = 127.0.0.1:${port}`,
    ...secure,
    `load_definitions = ${at('definitions.json')}`,
    ...config,
  ]
  await mkdir(at('home'))
  await Promise.all([
    writeFile(at('rabbitmq.conf'), `${lines.join('\n')}\n`),
    writeFile(at('definitions.json'), JSON.stringify(definitions([{ name: 'guest', password: 'guest' }, ...users]))),
    writeFile(at('enabled_plugins'), '[].\n'),
    writeFile(at('home/.erlang.cookie'), randomBytes(16).toString('hex'), { mode: 0o400 }),
  ])
  const serverEnv: Environment = {
    ...env,
    HOME: at('home'),
    ERL_EPMD_PORT: String(epmdPort),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    RABBITMQ_NODENAME: node,
    RABBITMQ_DIST_PORT: String(distributionPort),
    RABBITMQ_MNESIA_BASE: at('mnesia'),
    RABBITMQ_LOG_BASE: at('log'),
    RABBITMQ_LOGS: '-',
    RABBITMQ_ENABLED_PLUGINS_FILE: at('enabled_plugins'),
    RABBITMQ_CONFIG_FILE: at('rabbitmq.conf'),
    RABBITMQ_CONF_ENV_FILE: at('no-environment-file'),
    RABBITMQ_PID_FILE: at('pid'),
    RABBITMQ_FEATURE_FLAGS_FILE: at('feature_flags'),
    // Idle schedulers that spin would take the processors from everything beside it.
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '+sbwt none +sbwtdcpu none +sbwtdio none',
  }

  // In the foreground, so that it ends with the test; the server starts one in the background only where none runs.
  const epmd = startProgram(epmdPath, ['-address', '127.0.0.1', '-port', String(epmdPort)], { env: serverEnv })
  const startNode = async () => {
    const started = startProgram(join(folder, 'rabbitmq-server'), [], { env: serverEnv, cwd: data })
    try {
      await started.until(/Server startup complete/, startDeadlineMs)
      return started
    } catch (fault) {
      await started.kill()
      throw new Error(`RabbitMQ did not start: ${remedy}`, { cause: fault })
    }
  }
  const removeAll = async () => {
    await epmd.kill()
    await rm(data, { recursive: true, force: true, maxRetries: 5 })
  }

  let server = await startNode().catch(async (fault: unknown) => {
    await removeAll()
    throw fault
  })
  const crash = () => server.kill()
  return {
    url: `amqp://guest:guest@127.0.0.1:${port}`,
    tlsUrl: tls === undefined ? undefined : `amqps://guest:guest@127.0.0.1:${tlsPort}`,
    control: (...args) =>
      execute(join(folder, 'rabbitmqctl'), ['-n', node, ...args], { deadlineMs: commandDeadlineMs, env: serverEnv }),
    crash,
    restart: async () => {
      server = await startNode()
    },
    stop: async () => {
      await crash()
      await removeAll()
    },
  }
}

/** RabbitMQ for `npm run servers` and the fixture of tests. */
export const rabbitmq: ServerKind = {
  name: 'rabbitmq',
  variable: 'AMQP_URL',
  remedy,
  container: {
    image: 'rabbitmq:3.10-alpine',
    port: 5672,
    ready: /Server startup complete/,
    url: (host, port) => `amqp://guest:guest@${host}:${port}`,
  },
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
