import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { aptInstall } from './apt.ts'
import { type Environment, onPath } from './execute.ts'
import { freePort } from './free-port.ts'
import { startProgram } from './program.ts'
import type { RunningServer, ServerKind, StartOptions } from './server.ts'

const deadlineMs = 30_000
const remedy = 'install Redis 7 or newer and put redis-server on PATH'

/**
 * With `no` a write is in the file before its answer, so it survives SIGKILL. The kernel decides when the file reaches the disk, and only a
 * power cut shows the difference. `everysec` keeps the file's write back for up to two seconds while a slow fsync runs, and answers
 * meanwhile. `always` waits for the disk too.
 */
const appendFsync = 'no'

export interface StartRedisOptions extends StartOptions {
  /** Keeps what it holds over a crash. Default true. */
  readonly appendOnly?: boolean
  /** Files in PEM; with them it speaks TLS only. Clients are not asked for a certificate. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca: string }
  /** Passwords by user name, and their rights as ACL rules; the default user is off then. The URL holds the first. */
  readonly users?: Readonly<Record<string, { readonly password: string; readonly rules?: string }>>
  /** Further settings, as of redis.conf. */
  readonly settings?: Readonly<Record<string, string>>
}

/** A Redis server of this test's own on loopback: PATH's or Debian's, which only root can install. */
export const startRedis = async (options: StartRedisOptions = {}): Promise<RunningServer> => {
  const { env = process.env, appendOnly = true, tls, users = {}, settings = {} } = options
  const program = await binary(env)
  const data = await mkdtemp(join(tmpdir(), 'redis-test-'))
  const port = await freePort()
  const given: Record<string, string> = {
    bind: '127.0.0.1',
    dir: data,
    save: '',
    appendonly: appendOnly ? 'yes' : 'no',
    appendfsync: appendFsync,
    ...(tls === undefined
      ? { port: String(port) }
      : {
          port: '0',
          'tls-port': String(port),
          'tls-cert-file': tls.cert,
          'tls-key-file': tls.key,
          'tls-ca-cert-file': tls.ca,
          'tls-auth-clients': 'no',
        }),
    ...settings,
  }
  const args = Object.entries(given).flatMap(([name, value]) => [`--${name}`, value])
  const names = Object.keys(users)
  if (names.length > 0) args.push('--user', 'default', 'off')
  for (const [name, { password, rules = '~* &* +@all' }] of Object.entries(users)) {
    const hash = createHash('sha256').update(password).digest('hex')
    args.push('--user', name, 'on', `#${hash}`, ...rules.split(' '))
  }

  const start = async () => {
    const started = startProgram(program, args, { env, cwd: data })
    try {
      await started.until(/Ready to accept connections/, deadlineMs)
      return started
    } catch (fault) {
      await started.kill()
      throw fault
    }
  }
  const removeData = () => rm(data, { recursive: true, force: true })
  let server = await start().catch(async (fault: unknown) => {
    await removeData()
    throw fault
  })
  const crash = () => server.kill()
  const [name] = names
  const userInfo =
    name === undefined ? '' : `${encodeURIComponent(name)}:${encodeURIComponent(users[name]?.password ?? '')}@`
  return {
    url: `redis${tls === undefined ? '' : 's'}://${userInfo}127.0.0.1:${port}`,
    crash,
    restart: async () => {
      server = await start()
    },
    stop: async () => {
      await crash()
      await removeData()
    },
  }
}

const binary = async (env: Environment): Promise<string> => {
  const found = await onPath(['redis-server'], env)
  if (found !== undefined) return found
  await aptInstall('redis-server', remedy, env)
  const installed = await onPath(['redis-server'], env)
  if (installed === undefined) throw new Error(`redis-server is not found: ${remedy}`)
  return installed
}

const unprotected = ['--protected-mode', 'no']

/** Redis with append-only files. */
export const redis: ServerKind = {
  name: 'redis',
  variable: 'REDIS_URL',
  remedy,
  container: {
    image: 'redis:7',
    port: 6379,
    // Without a password, protected mode takes clients of the container alone.
    command: ['redis-server', '--appendonly', 'yes', '--appendfsync', appendFsync, '--dir', '/tmp', ...unprotected],
    ready: /Ready to accept connections/,
    url: (host, port) => `redis://${host}:${port}`,
  },
  start: (options) => startRedis(options),
}
