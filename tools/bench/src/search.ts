import { createSocket } from 'node:dgram'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startPostgres } from '@armature/servers/postgres'
import { type Spread, spreadOf, written } from './compare.ts'
import { meterOf, meterOfChildren } from './processor-time.ts'
import { residentMebibytes } from './resident-memory.ts'
import {
  buildSearchService,
  echo,
  importFile,
  nest,
  preparePython,
  pythonServer,
  type RunningContender,
  searchService,
  type World,
} from './search-contenders.ts'
import { pgbench, polygonsSql, psql, wholeSql, writeCountries } from './search-data.ts'
import { jobs, type Load, measure, type Measured } from './search-load.ts'
import { compareWorkers } from './search-workers.ts'

/** Connections to the database that each contender may have. */
const poolSize = 10

const { values } = parseArgs({
  strict: false,
  allowPositionals: true,
  options: { polygons: { type: 'string' }, seconds: { type: 'string' }, rounds: { type: 'string' } },
})
const polygons = Number(values['polygons'] ?? 20_000)
const seconds = Number(values['seconds'] ?? 2)
const rounds = Number(values['rounds'] ?? 5)

const loads: readonly Load[] = [
  { atOnce: 1, connections: 1, seconds },
  { atOnce: 16, connections: 2, seconds },
  { atOnce: 64, connections: 8, seconds },
]

const own = 'search-service'

interface Contender extends RunningContender {
  readonly name: string
  readonly answers: 'search' | 'echo'
  /** Searches by name are alike in the Python servers: one of them stands for all. */
  readonly byName: boolean
  /** Reads every outline at each call: not for many of them. */
  readonly fewOnly?: boolean
}

/**
 * The older search API by point and by name: search-service's bundle, Python with SQLAlchemy, NestJS with typeorm, an echo that searches
 * nothing, and the statement itself by pgbench; on the countries and on random polygons. Each in a process of its own, loaded by ghz.
 */
export const search = async (): Promise<string> => {
  const folder = mkdtempSync(join(tmpdir(), 'search-bench-'))
  const statsd = createSocket('udp4').bind(0, '127.0.0.1')
  await new Promise((resolve) => statsd.once('listening', resolve))
  const database = await startPostgres()
  const world: World = { folder, databaseUrl: database.url, statsdPort: statsd.address().port }
  const running: RunningContender[] = []
  try {
    await buildSearchService()
    const contenders = await startContenders(world, running)
    const idle = residentMebibytes(contenders[0]?.pid ?? 0).toFixed(0)
    const postmaster = Number((await psql(database.url, `select pg_read_file('postmaster.pid')`)).split('\n')[0])
    const countries = join(folder, 'countries.ndjson')
    await writeCountries(countries)
    const imported = await importFile(world, countries)
    await psql(database.url, wholeSql)
    const tables = [await compared(`the countries (${imported})`, contenders, world, postmaster)]
    tables.push(await compareWorkers(world, { rounds, seconds }))
    await psql(database.url, polygonsSql(polygons))
    await psql(database.url, wholeSql)
    const few = contenders.filter(({ fewOnly }) => fewOnly !== true)
    tables.push(await compared(`${polygons.toLocaleString('en')} random polygons`, few, world, postmaster))
    const where = `Node ${process.versions.node}, nproc ${availableParallelism()}, load before ${loadBefore}`
    return [
      `### Search, ${new Date().toISOString().slice(0, 10)}, ${where}; ${rounds} rounds of ${seconds} s, median (min to max)`,
      '',
      `search-service idle: ${idle} MiB resident`,
      '',
      ...tables,
    ].join('\n')
  } finally {
    for (const { stop } of running) stop()
    statsd.close()
    await database.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

const loadBefore = readFileSync('/proc/loadavg', 'utf8').split(' ')[0]

const startContenders = async (world: World, running: RunningContender[]): Promise<readonly Contender[]> => {
  const contenders: Contender[] = []
  const add = (facts: Pick<Contender, 'name' | 'answers' | 'byName' | 'fewOnly'>, one: RunningContender) => {
    running.push(one)
    contenders.push({ ...facts, ...one })
  }
  // First: it makes the tables.
  add({ name: own, answers: 'search', byName: true }, await searchService(world))
  const python = await preparePython(world)
  const pythons = { unindexed: 'whole outlines, no index', whole: 'whole outlines', parts: 'parts' }
  for (const [outlines, what] of Object.entries(pythons)) {
    const facts = { byName: outlines === 'parts', fewOnly: outlines === 'unindexed' }
    const server = await pythonServer(python, outlines, world)
    add({ name: `Python, ${what}`, answers: 'search', ...facts }, server)
  }
  add({ name: 'NestJS and typeorm, parts', answers: 'search', byName: true }, await nest(world))
  add({ name: 'bare grpc-js echo', answers: 'echo', byName: true }, await echo())
  return contenders
}

const columns = [
  'Search by, calls at once',
  'server',
  'calls/s',
  'p50 ms',
  'p99 ms',
  `${own} / this`,
  'CPU ms a call: server',
  'database',
]

const compared = async (
  data: string,
  contenders: readonly Contender[],
  world: World,
  postmaster: number,
): Promise<string> => {
  const rows: string[] = []
  const job = jobs()
  for (const kind of ['point', 'name'] as const) {
    for (const load of loads) {
      const taking = contenders.filter(({ byName }) => kind === 'point' || byName)
      const measured = new Map<string, Measured[]>(taking.map(({ name }) => [name, []]))
      const limits: number[] = []
      const connections = Math.min(load.atOnce, poolSize)
      for (let round = 0; round <= rounds; round += 1) {
        for (const { name, port, pid, answers } of taking) {
          const wanted = job[answers === 'echo' ? 'echo' : kind]
          const meters = [meterOf(pid), meterOfChildren(postmaster)]
          const result = await measure(wanted, { port, folder: world.folder }, load, meters)
          if (round > 0) measured.get(name)?.push(result)
        }
        if (kind === 'point' && round > 0) {
          limits.push(await pgbench(world.databaseUrl, world.folder, { connections, seconds }))
        }
      }
      const first = measured.get(own) ?? []
      const title = (name: string) => (name === own ? `${kind}, ${load.atOnce}` : '')
      for (const [name, results] of measured)
        rows.push(row([title(name), name, ...cells(results, name === own ? undefined : first)]))
      if (limits.length > 0) {
        const ratio = written(ratios(first, limits), 2)
        rows.push(row(['', `pgbench, ${connections} connections`, written(spreadOf(limits), 0), '', '', ratio, '', '']))
      }
    }
  }
  return [`#### On ${data}`, '', row(columns), row(columns.map(() => '---')), ...rows, ''].join('\n')
}

/** The cells of one contender's row, with its ratios to `first`, round by round, unless it is the first itself. */
const cells = (results: readonly Measured[], first: readonly Measured[] | undefined): readonly string[] => {
  const of = (value: (result: Measured) => number) => spreadOf(results.map(value))
  const rates = results.map(({ callsPerSecond }) => callsPerSecond)
  return [
    written(spreadOf(rates), 0),
    of(({ p50Ms }) => p50Ms).median.toFixed(2),
    of(({ p99Ms }) => p99Ms).median.toFixed(1),
    first === undefined ? '' : written(ratios(first, rates), 2),
    of(({ cpuMs }) => cpuMs[0] ?? NaN).median.toFixed(2),
    of(({ cpuMs }) => cpuMs[1] ?? NaN).median.toFixed(2),
  ]
}

const ratios = (first: readonly Measured[], rates: readonly number[]): Spread =>
  spreadOf(first.map(({ callsPerSecond }, round) => callsPerSecond / (rates[round] ?? NaN)))

const row = (texts: readonly string[]): string => `| ${texts.join(' | ')} |`
