import { spawnSync } from 'node:child_process'
import { chownSync } from 'node:fs'
import { mkdtemp, readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { aptInstall } from './apt.ts'
import { type Environment, executable, onPath } from './execute.ts'
import { freePort } from './free-port.ts'
import { serverOf, startReady } from './running.ts'
import type { RunningServer, ServerKind } from './server.ts'

const deadlineMs = 60_000
const remedy = 'install PostgreSQL and PostGIS and put pg_config on PATH'
const debianFolder = '/usr/lib/postgresql'

/** A PostgreSQL server with PostGIS of this test's own on loopback: PATH's or Debian's, which only root can install. */
export const startPostgres = async (env: Environment = process.env): Promise<RunningServer> => {
  const folder = await binaries(env)
  const data = await mkdtemp(join(tmpdir(), 'postgres-test-'))
  const user = ordinaryUser()
  if (user !== undefined) chownSync(data, user.uid, user.gid)
  const as = { ...user, encoding: 'utf8', env: { ...env }, cwd: data } as const
  const initdb = spawnSync(
    join(folder, 'initdb'),
    ['-D', data, '-A', 'trust', '-U', 'postgres', '--no-sync', '-E', 'UTF8', '--locale=C.UTF-8'],
    as,
  )
  if (initdb.status !== 0) throw new Error(`initdb failed: ${initdb.stderr}`)
  const port = await freePort()
  const settings = { port, listen_addresses: '127.0.0.1', unix_socket_directories: data, fsync: 'off' }
  const args = ['-D', data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])]
  const ready = /database system is ready to accept connections/
  return serverOf(`postgres://postgres@127.0.0.1:${port}/postgres`, data, () =>
    startReady(join(folder, 'postgres'), args, { env, cwd: data, ...user, ready, deadlineMs }),
  )
}

/** PostgreSQL with PostGIS. */
export const postgres: ServerKind = {
  name: 'postgres',
  variable: 'DATABASE_URL',
  remedy,
  container: {
    image: 'postgis/postgis:15-3.3',
    port: 5432,
    environment: { POSTGRES_PASSWORD: 'armature' },
    // It starts once for its set-up, listening on no port, and then again.
    ready: /database system is ready to accept connections/,
    readyTimes: 2,
    url: (host, port) => `postgres://postgres:armature@${host}:${port}/postgres`,
  },
  start: ({ env } = {}) => startPostgres(env),
}

/** The folder of a PostgreSQL's programs, with PostGIS installed beside it. */
const binaries = async (env: Environment): Promise<string> => {
  const found = await withPostgis(env)
  if (found !== undefined) return found
  await aptInstall('postgresql-15-postgis-3', remedy, env)
  const installed = await withPostgis(env)
  if (installed === undefined) throw new Error(`PostgreSQL with PostGIS is not found: ${remedy}`)
  return installed
}

const withPostgis = async (env: Environment): Promise<string | undefined> => {
  const versions = await readdir(debianFolder).catch(() => [])
  const debian = versions.map((version) => join(debianFolder, version, 'bin', 'pg_config'))
  for (const path of [await onPath(['pg_config'], env), ...debian]) {
    if (path === undefined || !(await executable(path))) continue
    const [programs = '', shared = ''] = ['--bindir', '--sharedir'].map((what) =>
      spawnSync(path, [what], { encoding: 'utf8' }).stdout.trim(),
    )
    const extensions = await readdir(join(shared, 'extension')).catch((): string[] => [])
    if (extensions.includes('postgis.control') && (await executable(join(programs, 'postgres')))) return programs
  }
  return undefined
}

/** PostgreSQL refuses root. */
const ordinaryUser = (): { uid: number; gid: number } | undefined => {
  if (process.getuid?.() !== 0) return undefined
  const [uid, gid] = ['-u', '-g'].map((what) =>
    Number(spawnSync('id', [what, 'postgres'], { encoding: 'utf8' }).stdout),
  )
  return uid === undefined || gid === undefined ? undefined : { uid, gid }
}
