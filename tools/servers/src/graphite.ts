import { mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { aptInstall } from './apt.ts'
import { kept } from './cache.ts'
import { type Environment, executable, execute, onPath } from './execute.ts'
import { freePort, freeUdpPort } from './free-port.ts'
import { carbonSettings, statsdSettings, storageSchemas, webSettings } from './graphite-settings.ts'
import { oneLine, say } from './progress.ts'
import { accepts, serverOf, startReady } from './running.ts'
import type { RunningServer, ServerKind, StartOptions } from './server.ts'

const statsdVersion = '0.9.0'
const deadlineMs = 60_000
const installDeadlineMs = 300_000
const remedy = 'install graphite-web, carbon and whisper for python3 and put carbon-cache on PATH'

export interface GraphiteOptions extends StartOptions {
  /** How often StatsD hands on what it was sent. Default 1000. */
  readonly flushIntervalMs?: number
}

/** Its url is that of graphite-web. */
export interface RunningGraphite extends RunningServer {
  /** TCP, of carbon: lines of `name value time`. */
  readonly carbonPort: number
  /** UDP. A counter becomes `stats.counters.NAME.count`, a timer `stats.timers.NAME.mean`. */
  readonly statsdPort: number
}

/** Carbon, graphite-web and StatsD on loopback, with one point a second for an hour; the points outlive a crash. */
export const startGraphite = async ({
  env = process.env,
  flushIntervalMs = 1_000,
}: GraphiteOptions = {}): Promise<RunningGraphite> => {
  const [statsd, { python, carbon }] = await Promise.all([statsdFolder(env), graphitePrograms(env)])
  const data = await mkdtemp(join(tmpdir(), 'graphite-test-'))
  const [webPort, carbonPort, picklePort, queryPort, managementPort] = await freePorts(5)
  const statsdPort = await freeUdpPort()
  const at = (name: string) => join(data, name)
  await Promise.all(['log', 'whisper'].map((name) => mkdir(at(name))))
  await Promise.all([
    writeFile(at('carbon.conf'), carbonSettings({ data, carbonPort, picklePort, queryPort })),
    writeFile(at('storage-schemas.conf'), storageSchemas),
    writeFile(at('graphite_settings.py'), webSettings({ data, queryPort })),
    writeFile(at('statsd.js'), statsdSettings({ statsdPort, managementPort, carbonPort, flushIntervalMs })),
    // StatsD calls a function that Node no longer has since version 23.
    writeFile(at('util-log.cjs'), `require('node:util').log = console.log\n`),
  ])
  const webEnv = { ...env, PYTHONPATH: data, DJANGO_SETTINGS_MODULE: 'graphite_settings', PYTHONDONTWRITEBYTECODE: '1' }
  await execute(python, ['-m', 'django', 'migrate', '--run-syncdb'], { deadlineMs, env: webEnv, cwd: data })

  const carbonArgs = [`--config=${at('carbon.conf')}`, `--pidfile=${at('carbon.pid')}`, '--nodaemon', 'start']
  const webArgs = ['-m', 'django', 'runserver', '--noreload', `127.0.0.1:${webPort}`]
  const statsdArgs = ['--require', at('util-log.cjs'), 'stats.js', at('statsd.js')]
  const start = async () => {
    const starts = await Promise.allSettled([
      startReady(carbon, carbonArgs, { env, cwd: data, ready: () => accepts(queryPort), deadlineMs }),
      startReady(python, webArgs, { env: webEnv, cwd: data, ready: () => accepts(webPort), deadlineMs }),
      startReady(process.execPath, statsdArgs, { env, cwd: statsd, ready: () => accepts(managementPort), deadlineMs }),
    ])
    const programs = starts.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
    const kill = async () => void (await Promise.all(programs.map((program) => program.kill())))
    const failed = starts.find((one) => one.status === 'rejected')
    if (failed === undefined) return { kill }
    await kill()
    throw failed.reason
  }
  const server = await serverOf(`http://127.0.0.1:${webPort}`, data, start)
  const variables = { STATSD_HOST: '127.0.0.1', STATSD_PORT: String(statsdPort) }
  return { ...server, variables, carbonPort, statsdPort }
}

/** Graphite with StatsD before it. */
export const graphite: ServerKind = {
  name: 'graphite',
  variable: 'GRAPHITE_URL',
  remedy,
  container: {
    image: 'graphiteapp/graphite-statsd:1.1.10-5',
    // Without the proxy on port 80, which answers later.
    port: 8080,
    furtherPorts: { STATSD_PORT: '8125/udp' },
    ready: /server is up/,
    url: (host, port) => `http://${host}:${port}`,
  },
  start: startGraphite,
}

const freePorts = async (count: 5) =>
  (await Promise.all(Array.from({ length: count }, freePort))) as [number, number, number, number, number]

/** A Python that has graphite-web, and carbon: PATH's or Debian's, which only root can install. */
const graphitePrograms = async (env: Environment): Promise<{ python: string; carbon: string }> => {
  const found = await find(env)
  if (found !== undefined) return found
  await aptInstall(['graphite-carbon', 'graphite-web'], remedy, env)
  const installed = await find(env)
  if (installed === undefined) throw new Error(`Graphite is not found: ${remedy}`)
  return installed
}

const find = async (env: Environment): Promise<{ python: string; carbon: string } | undefined> => {
  const carbon = await onPath(['carbon-cache', 'carbon-cache.py'], env)
  if (carbon === undefined) return undefined
  // PATH's Python may be another than the system's, which has Debian's packages.
  for (const python of [await onPath(['python3'], env), '/usr/bin/python3']) {
    if (python === undefined || !(await executable(python))) continue
    const has = execute(python, ['-c', 'import django, graphite, whisper'], { deadlineMs, env }).then(
      () => true,
      () => false,
    )
    if (await has) return { python, carbon }
  }
  return undefined
}

/** The folder of StatsD's own server, by npm, kept. */
const statsdFolder = async (env: Environment): Promise<string> => {
  const name = `statsd-${statsdVersion}`
  const folder = await kept(name, { deadlineMs: installDeadlineMs, env, say }, async (draft) => {
    const npm = await onPath(['npm'], env)
    if (npm === undefined) throw new Error('npm is not on PATH, which installs StatsD: install npm')
    say(`${name}: npm install into the cache folder`)
    const args = ['install', '--prefix', draft, '--ignore-scripts', '--omit=optional', '--no-audit', '--no-fund']
    await execute(npm, [...args, `statsd@${statsdVersion}`], {
      deadlineMs: installDeadlineMs,
      env,
      cwd: draft,
    }).catch(oneLine(`npm could not install statsd@${statsdVersion}: give npm access to its registry`))
  })
  return join(folder, 'node_modules', 'statsd')
}
