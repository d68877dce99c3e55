import { execFileSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { kept } from '@armature/servers/cache'
import { startPostgres } from '@armature/servers/postgres'
import { pgbench, polygonsSql, psql, run, startServer, wholeIndexSql, writeCountries } from './search-data.ts'
import { spreadOf } from './compare.ts'
import { childrenMs, processorMs } from './processor-time.ts'
import { echoCaller, measure, type Measured, searchCaller, seeded } from './search-load.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const levels = [1, 16, 64] as const
const pythonPackages = [
  'grpcio==1.85.1',
  'grpcio-tools==1.85.1',
  'sqlalchemy==2.1.9',
  'psycopg2-binary==2.9.13',
  'statsd==4.0.1',
]
const installDeadlineMs = 600_000

/** Connections to the database that each contender may have. */
const poolSize = 10

const { values } = parseArgs({
  strict: false,
  allowPositionals: true,
  options: { polygons: { type: 'string' }, seconds: { type: 'string' }, rounds: { type: 'string' } },
})
const polygons = Number(values['polygons'] ?? 20_000)
const seconds = Number(values['seconds'] ?? 2)
const rounds = Number(values['rounds'] ?? 3)

interface Contender {
  readonly name: string
  readonly port: number
  readonly pid: number
  readonly calls: 'search' | 'echo'
  /** Searches by name are alike in the two Python servers: one of them stands for both. */
  readonly byName: boolean
}

/**
 * The older search API by point and by name: search-service, Python with SQLAlchemy (whole outlines, and parts), NestJS with typeorm, an
 * echo that searches nothing, and the statement itself by pgbench; on the countries and on random polygons. Each in a process of its own.
 */
export const search = async (): Promise<string> => {
  const folder = mkdtempSync(join(tmpdir(), 'search-bench-'))
  const statsd = createSocket('udp4').bind(0, '127.0.0.1')
  await new Promise((resolve) => statsd.once('listening', resolve))
  const database = await startPostgres()
  const stops: (() => void)[] = []
  try {
    const env = { ...process.env, DATABASE_URL: database.url, STATSD_PORT: String(statsd.address().port) }
    const { contenders, pid } = await startContenders(folder, env, stops)
    const postmaster = Number((await psql(database.url, `select pg_read_file('postmaster.pid')`)).split('\n')[0])
    const idleMebibytes = residentMebibytes(pid)
    const countries = join(folder, 'countries.ndjson')
    await writeCountries(countries)
    const main = join(root, 'apps/search-service/src/main.ts')
    const { stdout } = await run(process.execPath, [main, 'things', 'import', countries, '--repair'], { env })
    await psql(database.url, wholeIndexSql)
    const tables = [
      await compared(`the countries (${stdout.trim()})`, contenders, { database: database.url, folder, postmaster }),
    ]
    await psql(database.url, polygonsSql(polygons))
    await psql(database.url, wholeIndexSql)
    tables.push(
      await compared(`${polygons.toLocaleString('en')} random polygons`, contenders, {
        database: database.url,
        folder,
        postmaster,
      }),
    )
    const where = `Node ${process.versions.node}, ${availableParallelism()} processors, load before ${loadBefore}`
    return [
      `### Search, ${new Date().toISOString().slice(0, 10)}, ${where}, medians of ${rounds} rounds of ${seconds} s`,
      '',
      `search-service idle, after its start: ${idleMebibytes} MiB resident`,
      '',
      ...tables,
    ].join('\n')
  } finally {
    for (const stop of stops) stop()
    statsd.close()
    await database.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

const loadBefore = execFileSync('cat', ['/proc/loadavg'], { encoding: 'utf8' }).split(' ')[0]

const startContenders = async (folder: string, env: NodeJS.ProcessEnv, stops: (() => void)[]) => {
  const start = async (...parameters: Parameters<typeof startServer>) => {
    const server = await startServer(...parameters)
    stops.push(server.stop)
    return server
  }
  const node = (file: string, ...args: string[]) => [process.execPath, join(root, file), ...args]
  const url = env['DATABASE_URL'] ?? ''
  // First: it makes the tables.
  const own = await start(node('apps/search-service/src/main.ts'), /gRPC\s+127\.0\.0\.1:(\d+)/, { env })
  const python = await preparePython(folder)
  const line = /^(\d+)$/m
  const pythonOf = (outlines: string) =>
    start([python, 'search.py', url, outlines, env['STATSD_PORT'] ?? ''], line, { cwd: folder })
  const [whole, parts] = [await pythonOf('whole'), await pythonOf('parts')]
  const nest = await start(node('tools/bench/src/search-nest.ts', url), line)
  const echo = await start(node('tools/bench/src/grpc-echo.ts', 'grpc-js'), line)
  const contenders: readonly Contender[] = [
    { name: 'search-service', ...own, calls: 'search', byName: true },
    { name: 'Python, whole outlines', ...whole, calls: 'search', byName: false },
    { name: 'Python, parts', ...parts, calls: 'search', byName: true },
    { name: 'NestJS and typeorm, parts', ...nest, calls: 'search', byName: true },
    { name: 'bare grpc-js echo', ...echo, calls: 'echo', byName: true },
  ]
  return { contenders, pid: own.pid }
}

/** A Python of its own with the stubs of the proto in `folder`. */
const preparePython = async (folder: string): Promise<string> => {
  const home = await kept('python-search-bench-1', { deadlineMs: installDeadlineMs }, async (draft) => {
    await run('python3', ['-m', 'venv', draft])
    await run(join(draft, 'bin/python'), ['-m', 'pip', 'install', '--quiet', ...pythonPackages])
  })
  const python = join(home, 'bin/python')
  copyFileSync(new URL('search.py', import.meta.url), join(folder, 'search.py'))
  const proto = join(root, 'apps/search-service/proto')
  const flags = [`-I${proto}`, `--python_out=${folder}`, `--grpc_python_out=${folder}`, 'search.proto']
  await run(python, ['-m', 'grpc_tools.protoc', ...flags])
  return python
}

/** A third of the letters there are, as people type them; and points on land and sea. */
const requests = {
  point: () => {
    const random = seeded(7)
    return () => ({ lat: random() * 150 - 65, lng: random() * 358 - 179 })
  },
  name: () => {
    const random = seeded(11)
    const parts = ['fran', 'land', 'unit', 'ist', 'a1b', 'c3d', 'e9f', 'sao', 'gua', 'ger']
    return () => ({ query: parts[Math.floor(random() * parts.length)] })
  },
}

/** As search-service has it, by two random numbers. */
const pointScript = `\\set lat random(-65000, 85000)
\\set lng random(-179000, 179000)
with page as materialized (select distinct thing_id as id from thing_part
  where ST_Covers(thing_part.geom, ST_SetSRID(ST_MakePoint(:lng / 1000.0, :lat / 1000.0), 4326)) and thing_id > 0
  order by id limit 11)
select thing.id::text as id, name, code from page join thing using (id) order by thing.id;
`

const compared = async (
  data: string,
  contenders: readonly Contender[],
  { database, folder, postmaster }: { database: string; folder: string; postmaster: number },
): Promise<string> => {
  const rows: string[] = []
  for (const kind of ['point', 'name'] as const) {
    for (const atOnce of levels) {
      const taking = contenders.filter(({ byName }) => kind === 'point' || byName)
      const measured = new Map<string, Measured[]>(taking.map(({ name }) => [name, []]))
      for (let round = 0; round <= rounds; round += 1) {
        for (const { name, port, pid, calls } of taking) {
          const caller = calls === 'echo' ? echoCaller(port) : searchCaller(port, requests[kind]())
          const result = await measure(caller.call, atOnce, seconds * 1_000, {
            serverMs: () => processorMs(pid),
            databaseMs: () => childrenMs(postmaster),
          })
          caller.close()
          if (round > 0) measured.get(name)?.push(result)
        }
      }
      const own = medians(measured.get('search-service') ?? [])
      for (const [name, results] of measured) {
        const { callsPerSecond, p50Ms, p99Ms, serverMs, databaseMs } = medians(results)
        const ratio = (value: number) => (name === 'search-service' ? '' : value.toFixed(2))
        const cells = [
          callsPerSecond.toFixed(0),
          p50Ms.toFixed(1),
          p99Ms.toFixed(1),
          ratio(own.callsPerSecond / callsPerSecond),
        ]
        const costs = [
          serverMs.toFixed(2),
          databaseMs.toFixed(2),
          ratio((serverMs + databaseMs) / (own.serverMs + own.databaseMs)),
        ]
        rows.push(row([`${kind}, ${atOnce} at once`, name, ...cells, ...costs]))
      }
      if (kind === 'point') {
        const { callsPerSecond, averageMs } = await pgbench(
          database,
          folder,
          Math.min(atOnce, poolSize),
          seconds,
          pointScript,
        )
        const name = `pgbench, ${Math.min(atOnce, poolSize)} connections`
        const rate = (own.callsPerSecond / callsPerSecond).toFixed(2)
        rows.push(row(['', name, callsPerSecond.toFixed(0), `${averageMs.toFixed(1)} (mean)`, '', rate, '', '', '']))
      }
    }
  }
  const head = ['Search by', 'server', 'calls/s', 'p50 ms', 'p99 ms', 'search-service / this']
  const costHead = ['server CPU ms a call', 'database CPU ms a call', 'CPU of this / search-service']
  const columns = [...head, ...costHead]
  return [`#### On ${data}`, '', row(columns), row(columns.map(() => '---')), ...rows, ''].join('\n')
}

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`

const medians = (results: readonly Measured[]): Measured => {
  const of = (key: keyof Measured) => spreadOf(results.map((result) => result[key])).median
  const [callsPerSecond, p50Ms, p99Ms] = [of('callsPerSecond'), of('p50Ms'), of('p99Ms')]
  return { callsPerSecond, p50Ms, p99Ms, serverMs: of('serverMs'), databaseMs: of('databaseMs') }
}

/** Linux only; NaN elsewhere. */
const residentMebibytes = (pid: number): number => {
  try {
    const status = execFileSync('cat', [`/proc/${pid}/status`], { encoding: 'utf8' })
    return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024)
  } catch {
    return NaN
  }
}
